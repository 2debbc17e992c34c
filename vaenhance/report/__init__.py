"""Pictures for people: sheets of images and line charts, drawn with Pillow.

Not for measuring, and not for photographs that someone keeps: everything here
ends as plain 8-bit RGB, to be looked at once at 100 %.
"""

from vaenhance.report.charts import curves
from vaenhance.report.sheets import sheet

__all__ = ["curves", "sheet"]
