"""Files that were damaged, or made to do harm: a result or one line, soon, in bounds.

A sample of the campaign of scripts/fuzz, and a test for each thing it has found.
"""

from __future__ import annotations

import io
import itertools
import struct
import zlib
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from scripts import fuzz, fuzz_hostile
from scripts.fuzz_report import Report
from vaenhance.errors import PhotoError
from vaenhance.photo import jpeg_markers, png, read_photo
from vaenhance.photo.png_pixels import chunk


def judged(tmp_path: Path, files: list[fuzz.Case]) -> Report:
    limits = fuzz.Limits(max_megapixels=1.0, megabytes=256)
    return fuzz.run(files, [fuzz.Worker(tmp_path / "w", None, limits)], None)


def test_mutants_are_enhanced_or_refused_in_one_line(tmp_path):
    files = list(itertools.islice(fuzz.cases(5000, seed=1), 0, 5000, 33))
    report = judged(tmp_path, files)
    assert report.faults == []
    counts = sum((t.counts for t in report.tallies.values()), start=Counter())
    assert counts["enhanced"] + counts["refused"] == len(files)
    assert min(counts["enhanced"], counts["refused"]) > len(files) / 10


def test_a_mutant_is_known_by_its_seed_and_number():
    first, again, other = (
        [data for _, _, data in fuzz.cases(40, seed)] for seed in (3, 3, 4)
    )
    assert first == again != other


def test_claims_and_absurd_blocks_stay_in_bounds(tmp_path):
    made = itertools.chain(fuzz_hostile.claims(), fuzz_hostile.tiff_claims())
    files = [(name, name, data) for name, data in made]
    report = judged(tmp_path, files)
    assert report.faults == []
    counts = sum((t.counts for t in report.tallies.values()), start=Counter())
    assert counts["refused"] == len(files) > 25


def test_many_bombs_in_texts_are_unpacked_once(monkeypatch):
    bomb = zlib.compress(bytes(1 << 16))
    xmp = chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + bomb[:-8])
    old = chunk(b"zTXt", b"Raw profile type exif\0\0" + bomb)
    rows = zlib.compress(bytes((4 * 3 + 1) * 4))
    data = fuzz_hostile.png(4, 4, rows, *[xmp] * 50, *[old] * 50)
    calls = []
    unpack = png._unpack
    monkeypatch.setattr(png, "_unpack", lambda d: calls.append(1) or unpack(d))
    assert read_photo(data).metadata.xmp is None
    assert len(calls) == 2


def progressive(scans: int) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (48, 48), "gray").save(stream, "JPEG", progressive=True)
    data = stream.getvalue()
    own = data.count(b"\xff\xda")
    last = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + last * (scans - own) + b"\xff\xd9"


def test_a_jpeg_of_a_great_many_scans_is_refused():
    most = jpeg_markers.MOST_SCANS
    # What follows the picture, such as a film of a telephone, is not its scans.
    assert read_photo(progressive(20) + b"\xff\xda" * 500).pixels.shape == (48, 48, 3)
    with pytest.raises(PhotoError, match="more than 100 scans"):
        read_photo(progressive(most + 1))
    inside = fuzz_hostile.tiff(48, 48, data=progressive(most + 1), compression=7)
    with pytest.raises(PhotoError, match="more than 100 scans"):
        read_photo(inside)


def test_tiles_and_parts_larger_than_their_page_are_refused():
    side = 30_000
    bomb = fuzz_hostile.tiff(data=zlib.compress(b""), compression=8, tile=(side, side))
    with pytest.raises(PhotoError, match="tiles of 30000 x 30000 pixels in a picture"):
        read_photo(bomb)
    stream = io.BytesIO()
    Image.new("RGB", (48, 40)).save(stream, "JPEG")
    inside = fuzz_hostile.tiff(16, 16, data=stream.getvalue(), compression=7)
    with pytest.raises(PhotoError, match="JPEG of 48 x 40 pixels where 16 x 16"):
        read_photo(inside)
    inner = fuzz_hostile.png(60, 60, zlib.compress(bytes(60 * 181)))
    with pytest.raises(PhotoError, match="larger than it says"):
        read_photo(fuzz_hostile.tiff(data=inner, compression=34933))
    with pytest.raises(PhotoError, match="TIFF compression 50002 is not supported"):
        read_photo(fuzz_hostile.tiff(compression=50002))


def test_a_marker_across_the_border_of_two_blocks_is_seen(monkeypatch):
    data = progressive(jpeg_markers.MOST_SCANS + 1)
    for size in (2, 3, 7):
        monkeypatch.setattr(jpeg_markers, "_BLOCK", size)
        with pytest.raises(PhotoError, match="more than 100 scans"):
            jpeg_markers.check_jpeg(io.BytesIO(data))


def test_sizes_in_headers_reach_the_readers_as_they_are():
    """The hand-made files are what their names say."""
    found = dict(fuzz_hostile.claims())
    side = struct.unpack_from(">II", found["png claims 100000 x 100000"], 16)
    assert side == (100_000, 100_000)
    with pytest.raises(PhotoError, match="10000 megapixels"):
        read_photo(found["tiff claims 100000 x 100000"])


@pytest.mark.parametrize("offset", [1 << 40, (1 << 63) - 1, (1 << 64) - 1])
def test_a_directory_that_no_file_could_hold_is_cut_off(tmp_path, offset):
    path = tmp_path / "a.tif"
    path.write_bytes(struct.pack("<2sHHHQ", b"II", 43, 8, 0, offset) + bytes(64))
    for source in (path, path.read_bytes()):
        with pytest.raises(PhotoError, match=r"^file is truncated$"):
            read_photo(source)
