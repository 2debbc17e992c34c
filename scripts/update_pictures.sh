#!/usr/bin/env bash
# Makes the pictures of README.md with the built-in model.
#
#   scripts/update_pictures.sh                      after scripts/test, whose Python it uses
#   PYTHON=/path/to/python scripts/update_pictures.sh
#
# The photographs are enhanced whole by the command below; of the files before and
# after, the same place is shown at 100 %.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
python=${PYTHON:-$root/.venv-test/bin/python}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$root"
export PYTHONPATH=$root

"$python" -m vaenhance enhance samples/noisy/chelsea.jpg samples/noisy/coffee.jpg \
    "$work/enhanced/"

mkdir -p docs/images
"$python" -m vaenhance sample docs/images/digits.png --count 40 --columns 10 --overwrite
"$python" - "$work/enhanced" docs/images/before-after.png <<'END'
import sys
from pathlib import Path

from vaenhance import photo, report

SIZE = 216, 384  # height, width: two columns fit the page of a code host
CROPS = {  # file: (top, left, what was done to it)
    "chelsea.jpg": (44, 40, "noise, sigma 30"),
    "coffee.jpg": (10, 190, "JPEG, quality 12"),
}
enhanced, target = map(Path, sys.argv[1:])
rows, labels = [], []
for name, (top, left, what) in CROPS.items():
    place = slice(top, top + SIZE[0]), slice(left, left + SIZE[1])
    before, after = Path("samples/noisy", name), enhanced / name
    rows.append([photo.read_pixels(before)[place], photo.read_pixels(after)[place]])
    labels += [what, "enhanced"]
photo.save_png(report.sheet(rows, labels=labels), target)
print(f"{target}: {target.stat().st_size // 1000} kB")
END
