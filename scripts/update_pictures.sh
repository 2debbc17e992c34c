#!/usr/bin/env bash
# Makes the pictures of README.md but those of digits and emoji with the built-in model.
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
"$python" -m vaenhance sample docs/images/flowers.png --model flowers --count 40 --columns 10 \
    --overwrite
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

# Light: a photograph in the dark, made from a sample (-3 stops, with the noise that
# comes with it). Styles: one of the model's own, and another photograph's.
mkdir "$work/dark"
"$python" - samples/coffee.png "$work/dark/coffee.png" <<'END'
import sys
from pathlib import Path

import numpy as np

from vaenhance import photo
from vaenhance.data.light import Change, changed

x = photo.read_pixels(Path(sys.argv[1])).astype(np.float32) / np.float32(255)
dark = changed(x, Change(stops=-3.0, noise=5e-4), np.random.default_rng(0))
photo.save_png(np.rint(255 * dark).astype(np.uint8), Path(sys.argv[2]))
END
"$python" -m vaenhance enhance "$work/dark" "$work/lit" --light
"$python" -m vaenhance enhance samples/chelsea.png "$work/blue.png" --strength 0 --style blue
"$python" -m vaenhance enhance samples/chelsea.png "$work/coffee.png" --strength 0 \
    --style samples/coffee.png
"$python" - "$work" docs/images/light-style.jpg <<'END'
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from vaenhance import photo, report

SIZE = 270, 180  # width, height
work, target = map(Path, sys.argv[1:])
ROWS = {
    "dark, with noise": work / "dark/coffee.png",
    "--light": work / "lit/coffee.png",
    "the original": Path("samples/coffee.png"),
    "a photograph": Path("samples/chelsea.png"),
    "--style blue": work / "blue.png",
    "--style coffee.png": work / "coffee.png",
}
small = [
    np.asarray(Image.fromarray(photo.read_pixels(path)).resize(SIZE, Image.LANCZOS))
    for path in ROWS.values()
]
sheet = report.sheet([small[:3], small[3:]], labels=list(ROWS))
Image.fromarray(sheet).save(target, quality=88)
print(f"{target}: {target.stat().st_size // 1000} kB")
END

# Larger: samples shrunk to a quarter, and enlarged again.
mkdir "$work/small"
"$python" - "$work/small" samples/chelsea.png samples/astronaut.png <<'END'
import sys
from pathlib import Path

from PIL import Image

target, *files = map(Path, sys.argv[1:])
for file in files:
    picture = Image.open(file).convert("RGB")
    size = picture.width // 4, picture.height // 4
    picture.resize(size, Image.BICUBIC).save(target / file.name)
END
"$python" -m vaenhance enhance "$work/small" "$work/large" --scale 4
"$python" - "$work" docs/images/larger.png <<'END'
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from vaenhance import photo, report

SIZE = 200, 264  # height, width
CROPS = {"chelsea.png": (60, 100), "astronaut.png": (20, 110)}  # file: (top, left)
work, target = map(Path, sys.argv[1:])
rows = []
for name, (top, left) in CROPS.items():
    place = slice(top, top + SIZE[0]), slice(left, left + SIZE[1])
    small, large = Image.open(work / "small" / name), photo.read_pixels(work / "large" / name)
    plain = small.resize((large.shape[1], large.shape[0]), Image.BICUBIC)
    original = photo.read_pixels(Path("samples", name))
    rows.append([image[place] for image in (np.asarray(plain), large, original)])
labels = ["Pillow's bicubic filter", "--scale 4", "the original"] * len(rows)
photo.save_png(report.sheet(rows, labels=labels), target)
print(f"{target}: {target.stat().st_size // 1000} kB")
END
