"""The sheet of crops: which place, which photographs, and what is left out."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vaenhance import photo, report
from vaenhance.workflows import comparison as module
from vaenhance.workflows.comparison import MOST, SIDE, comparison


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def drawn(monkeypatch):
    """The rows and labels of every sheet that is drawn."""
    sheets = []

    def sheet(rows, *, labels):
        sheets.append((rows, labels))
        return real(rows, labels=labels)

    real = report.sheet
    monkeypatch.setattr(report, "sheet", sheet)
    return sheets


def save(name, pixels):
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def noise(height, width, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 255, (height, width, 3), np.uint8, True)


def pair(name, before, after):
    return save(f"in/{name}", before), save(f"out/{name}", after)


@pytest.mark.parametrize("top, left", [(0, 0), (0, 700), (600, 0), (600, 700)])
def test_the_crop_is_where_the_detail_is(drawn, top, left):
    before = np.full((1000, 1100, 3), 128, np.uint8)
    before[top : top + 400, left : left + 400] = noise(400, 400)
    after = 255 - before
    assert comparison([pair("a.png", before, after)], Path("sheet.png")) == 1
    (((first, second),), labels) = drawn[0]
    assert first.shape == second.shape == (SIDE, SIDE, 3)
    np.testing.assert_array_equal(second, 255 - first)  # the same place of both
    assert (first != 128).mean() > 0.8
    assert labels == ["a.png", "enhanced"]


@pytest.mark.parametrize("height, width", [(1, 1), (5, 500), (500, 5), (384, 385)])
def test_a_small_photograph_is_shown_whole_where_it_is_small(drawn, height, width):
    pixels = noise(height, width)
    assert comparison([pair("a.png", pixels, pixels)], Path("sheet.png")) == 1
    (((first, _),), _) = drawn[0]
    assert first.shape == (min(height, SIDE), min(width, SIDE), 3)


def test_at_most_so_many_evenly_chosen(drawn):
    pairs = [
        pair(f"{i:02d}.png", noise(4, 4, i), noise(4, 4, i)) for i in range(3 * MOST)
    ]
    assert comparison(pairs, Path("sheet.png")) == MOST
    assert drawn[0][1][::2] == [f"{i:02d}.png" for i in range(0, 3 * MOST, 3)]


def test_what_cannot_be_shown_is_left_out():
    good = pair("a.png", noise(4, 4), noise(4, 4))
    Path("in/c.png").write_text("hello")
    Path("in/d.png").mkdir()
    pairs = [
        good,
        (Path("in/c.png"), good[1]),
        (good[0], Path("in/d.png")),
        (good[0], Path("out/gone.png")),
    ]
    assert comparison(pairs, Path("sheet.png")) == 1


def test_what_became_larger_stands_beside_its_bicubic_enlargement():
    small = 64 + noise(40, 60) // 2  # Pillow would clip what overshoots
    large = np.asarray(Image.fromarray(small).resize((120, 80), Image.BICUBIC))
    assert comparison([pair("a.png", small, large)], Path("sheet.png")) == 1
    sheet = np.asarray(Image.open("sheet.png")).astype(int)
    assert sheet.shape[1] >= 2 * 120
    left, right = (sheet[-84:-4, start : start + 120] for start in (4, 128))
    assert np.abs(left - right).max() <= 1


def test_nothing_to_show_is_no_sheet():
    assert comparison([], Path("sheet.png")) == 0
    missing = (Path("a.png"), Path("b.png"))
    assert comparison([missing], Path("sheet.png")) == 0
    assert not Path("sheet.png").exists()


def test_the_limit_on_megapixels_is_the_callers():
    pairs = [pair("a.png", noise(40, 40), noise(40, 40))]
    assert comparison(pairs, Path("s.png"), max_megapixels=0.001) == 0
    assert comparison(pairs, Path("s.png"), max_megapixels=0.002) == 1


def test_sixteen_bits_and_rotated_photographs_are_shown_as_seen(drawn):
    deep = noise(6, 4).astype(np.uint16) * 257
    picture = photo.Photo(deep, None, False, "PNG", photo.Metadata())
    Path("deep.png").write_bytes(photo.encode_photo(picture, deep))
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(noise(4, 6)).save("turned.png", exif=exif)
    pairs = [(Path("deep.png"), Path("deep.png")), (Path("turned.png"),) * 2]
    assert comparison(pairs, Path("sheet.png")) == 2
    (first, second), _ = drawn[0]
    np.testing.assert_array_equal(first[0], noise(6, 4))
    assert second[0].shape == (6, 4, 3)


@pytest.mark.parametrize("name", ["a\nb.png", "\u00fc \U0001f600.png", "\udcff.png"])
def test_any_name_can_be_a_caption(name):
    pixels = noise(40, 400)
    pairs = [pair(name, pixels, pixels)]
    assert comparison(pairs, Path("sheet.png")) == 1


def test_the_folder_of_the_sheet_is_made_and_the_sheet_replaced():
    pairs = [pair("a.png", noise(4, 4), noise(4, 4))]
    target = Path("new/deep/sheet.png")
    assert comparison(pairs, target) == 1
    before = target.read_bytes()
    assert comparison(pairs * 2, target) == 2
    assert target.read_bytes() != before
    assert [path.name for path in target.parent.iterdir()] == ["sheet.png"]


def test_photographs_are_not_kept_for_their_crops(drawn):
    pixels = noise(1000, 1000)
    comparison([pair("a.png", pixels, pixels)], Path("sheet.png"))
    for crop in drawn[0][0][0]:
        assert crop.base is None  # a view would keep the whole photograph


def test_the_sheet_is_the_same_bytes_every_time():
    pairs = [pair("a.png", noise(40, 50), noise(40, 50))]
    comparison(pairs, Path("1.png"))
    comparison(pairs, Path("2.png"))
    assert Path("1.png").read_bytes() == Path("2.png").read_bytes()


def test_places_cover_a_side_from_end_to_end():
    for length in (1, SIDE, SIDE + 1, 1000, 20000):
        places = module._places(length)
        assert places[0] == 0 and places[-1] == max(length - SIDE, 0)
        assert len(places) <= 5
