"""Models of one channel and photographs: gray ones are taken, coloured ones named."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest

from vaenhance.api_uncertainty import Assessed
from vaenhance.errors import PhotoError
from vaenhance.photo import read_photo, save_png
from vaenhance.workflows.gray import for_photographs


class Half:
    """Halves an image of one channel, and remembers its shape."""

    config = SimpleNamespace(channels=1)
    device = "a test"

    def enhance(self, image, **told):
        self.shape = image.shape
        return image // 2

    def draw(self, image, number=0, **told):
        return image // 2 + np.uint8(number)

    def assess(self, image, **told):
        return Assessed(image // 2, np.ones(image.shape[:2], np.float32))

    def score(self, image, **told):
        return image.shape


GRAY = np.random.default_rng(0).integers(0, 256, (4, 5, 1), np.uint8).repeat(3, -1)


def test_a_gray_photograph_is_shown_once_and_its_answer_repeated():
    model = for_photographs(Half())
    assert model.device == "a test"
    assert np.array_equal(model.enhance(GRAY), GRAY // 2)
    assert model.shape == (4, 5, 1)
    assert np.array_equal(model.draw(GRAY, 3), GRAY // 2 + 3)
    found = model.assess(GRAY)
    assert np.array_equal(found.image, GRAY // 2)
    assert found.sigma.shape == (4, 5)
    assert model.score(GRAY) == (4, 5, 1)


def test_colours_are_refused_and_models_of_colours_are_left_alone():
    coloured = GRAY.copy()
    coloured[2, 3, 1] ^= 1
    with pytest.raises(PhotoError, match="has colours"):
        for_photographs(Half()).enhance(coloured)
    other = SimpleNamespace(config=SimpleNamespace(channels=3))
    assert for_photographs(other) is other


def test_a_digit_is_written_in_the_hand_of_another(tmp_path, invoke):
    """README's command, with a photograph that has colours among the digits."""
    invoke("sample", f"{tmp_path / 'in'}/", "--count", 1, "--class", 4)
    (four,) = (tmp_path / "in").iterdir()
    assert read_photo(four).is_gray
    colours = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    save_png(colours, tmp_path / "in" / "z.png")
    words = ("enhance", tmp_path / "in", tmp_path / "out", "-m", "digits")
    result = invoke(*words, "--class", 7, "--json", exit_code=1)
    done, refused = map(json.loads, result.stdout.splitlines())
    assert "has colours" in refused["error"]
    seven = read_photo(tmp_path / "out" / four.name)
    assert done["status"] == "enhanced"
    assert seven.is_gray and seven.pixels.shape == (32, 32, 3)
    assert not np.array_equal(seven.pixels, read_photo(four).pixels)
