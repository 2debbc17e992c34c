"""Pictures for people: sheets, animations, line charts, scatter plots; with Pillow.

Not for measuring, and not for photographs that someone keeps: everything here
ends as plain 8-bit RGB, to be looked at once at 100 %.
"""

from vaenhance.report.animation import ANIMATIONS, animation
from vaenhance.report.charts import curves
from vaenhance.report.heat import heat_map
from vaenhance.report.scatter import scatter
from vaenhance.report.sheets import sheet

__all__ = ["ANIMATIONS", "animation", "curves", "heat_map", "scatter", "sheet"]
