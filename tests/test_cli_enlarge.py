"""``vaenhance enhance --scale`` and so on: sizes, kinds of files, refusals."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from tests.tiny import save_tiny_model, tiny_config
from vaenhance import checkpoint, photo
from vaenhance.errors import PhotoError
from vaenhance.workflows import enlarging
from vaenhance.workflows.enlarging import Enlargement

EXIF_SIZE = (0xA002, 0xA003)

pytestmark = pytest.mark.usefixtures("shared_networks")


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "large"
    return save_tiny_model(folder, tiny_config(model={"scales": (2, 4)}))


@pytest.fixture
def run(invoke, large, tmp_path, monkeypatch):
    """vaenhance enhance ... with a tiny model that enlarges, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def enhance(*arguments, exit_code=0, model=large, **options):
        named = ("--model", model) if model else ()
        return invoke("enhance", *arguments, *named, exit_code=exit_code, **options)

    return enhance


def pixels(height=10, width=14, dtype=np.uint8, channels=3):
    rng = np.random.default_rng(0)
    shape = (height, width, channels) if channels > 1 else (height, width)
    return rng.integers(0, np.iinfo(dtype).max, shape, dtype, True)


def save(name, image=None, **options):
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels() if image is None else image).save(name, **options)
    return name


def load(name):
    """The picture, and its file closed."""
    with Image.open(name) as image:
        return image.copy()


# === Sizes ===


@pytest.mark.parametrize(
    ("options", "size"),
    [
        (("--scale", "2"), (28, 20)),
        (("--scale", "3"), (42, 30)),
        (("--scale", "1.5"), (21, 15)),
        (("--size", "40x"), (40, 29)),
        (("--size", "x25"), (35, 25)),
        (("--size", "40x20"), (28, 20)),
        (("--megapixels", "0.00126"), (42, 30)),
    ],
)
def test_the_file_has_the_size_that_was_asked_for(run, options, size):
    save("a.png")
    result = run("a.png", "b.png", *options)
    assert load("b.png").size == size
    assert f"({size[0]} x {size[1]}, " in result.stderr
    assert (
        json.loads(run("a.png", "c.png", *options, "--json").stdout)["width"] == size[0]
    )


@pytest.mark.parametrize("height", [1, 7, 100, 1079, 1080])
@pytest.mark.parametrize("width", [1, 13, 640, 1919, 4000])
def test_a_box_is_met_to_the_pixel_and_the_shape_kept(height, width):
    assert Enlargement(width=1920).target(height, width)[1] == 1920
    assert Enlargement(height=1080).target(height, width)[0] == 1080
    rows, columns = Enlargement(width=1920, height=1080).target(height, width)
    assert rows <= 1080
    assert columns <= 1920
    assert rows == 1080 or columns == 1920
    factor = min(1920 / width, 1080 / height)
    assert abs(rows - max(factor * height, 1)) <= 0.5
    assert abs(columns - max(factor * width, 1)) <= 0.5


def test_the_plan_shows_the_size_that_is_to_be(run):
    save("in/a.png")
    assert "(42 x 30)" in run("in", "out", "--scale", "3", "-n").stdout
    planned = json.loads(run("in", "out", "--scale", "2", "-n", "--json").stdout)
    assert (planned["width"], planned["height"]) == (28, 20)


def test_a_folder_and_a_pipe_give_the_bytes_of_the_single_file(run):
    save("in/sub/a.jpg")
    run("in", "out", "--scale", "2")
    run("in/sub/a.jpg", "one.jpg", "--scale", "2")
    expected = Path("one.jpg").read_bytes()
    assert Path("out/sub/a.jpg").read_bytes() == expected
    piped = run("-", "--scale", "2", input=Path("in/sub/a.jpg").read_bytes())
    assert piped.stdout_bytes == expected


def test_strength_0_is_a_bicubic_filter_and_no_copy(run):
    save("a.png", 64 + pixels() // 2)  # Pillow would clip what overshoots
    run("a.png", "b.png", "--scale", "2", "--strength", "0")
    expected = np.asarray(load("a.png").resize((28, 20), Image.BICUBIC))
    made = np.asarray(load("b.png"))
    assert np.abs(made.astype(int) - expected.astype(int)).max() <= 1


# === What is carried ===


def test_metadata_state_the_new_size_and_keep_the_rest(run):
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    exif.get_ifd(0x8769).update({0xA002: 14, 0xA003: 10, 0x9003: "2020:02:02 02:02:02"})
    xmp = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a tiff:ImageWidth="14" '
        b'exif:PixelYDimension="10" tiff:Make="M"/></x:xmpmeta>'
    )
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    carried = {"exif": exif, "dpi": (300, 300), "icc_profile": profile, "xmp": xmp}
    save("a.jpg", **carried)
    run("a.jpg", "b.jpg", "--scale", "4")
    made = load("b.jpg")
    assert made.size == (56, 40)
    assert made.info["dpi"] == (300, 300)
    assert made.info["icc_profile"] == profile
    found = made.getexif()
    assert found[0x010F] == "Maker"
    inner = found.get_ifd(0x8769)
    assert [inner[tag] for tag in EXIF_SIZE] == [56, 40]
    assert inner[0x9003] == "2020:02:02 02:02:02"
    assert (
        b'tiff:ImageWidth="56" exif:PixelYDimension="40" tiff:Make="M"'
        in (made.info["xmp"])
    )


def test_every_container_states_the_new_size_and_the_old_resolution(run):
    exif = Image.Exif()
    exif.get_ifd(0x8769).update({0xA002: 14, 0xA003: 10, 0x9003: "2020:02:02 02:02:02"})
    carried = {"exif": exif.tobytes(), "dpi": (300, 300)}
    names = ("a.jpg", "b.png", "c.webp", "d.tif", "e.avif")
    for name in names:
        save(f"in/{name}", **carried)
    deep = photo.Photo(
        pixels(dtype=np.uint16),
        pixels(dtype=np.uint16, channels=1),
        False,
        "TIFF",
        photo.Metadata(exif=exif.tobytes()[6:], dpi=(300.0, 300.0)),
    )
    for name in ("deep.tif", "deep.png"):
        kind = "TIFF" if name.endswith("tif") else "PNG"
        data = photo.encode_photo(deep, deep.pixels, format=kind)
        Path(f"in/{name}").write_bytes(data)
    run("in", "out", "--scale", "3")
    for name in (*names, "deep.tif", "deep.png"):
        before, made = (photo.read_photo(Path(f, name)) for f in ("in", "out"))
        assert made.pixels.shape == (30, 42, 3), name
        assert made.bit_depth == before.bit_depth
        assert (made.alpha is None) == (before.alpha is None)
        assert made.metadata.dpi == before.metadata.dpi, name
        found = Image.Exif()
        found.load(b"Exif\0\0" + made.metadata.exif)
        inner = found.get_ifd(0x8769)
        assert [inner[tag] for tag in EXIF_SIZE] == [42, 30], name
        assert inner[0x9003] == "2020:02:02 02:02:02"


@pytest.mark.parametrize("order", [b"II", b"MM"])
def test_exif_of_either_byte_order_states_the_size(order):
    from vaenhance.photo.dimensions import exif_of_size

    exif = Image.Exif()
    exif.endian = "<" if order == b"II" else ">"
    exif[0x0100] = 14
    exif.get_ifd(0x8769).update({0xA002: 14, 0xA003: 10})
    block = exif.tobytes()[6:]
    assert block.startswith(order)
    changed = Image.Exif()
    changed.load(b"Exif\0\0" + exif_of_size(block, 70000, 50000))
    assert changed[0x0100] == 70000
    assert [changed.get_ifd(0x8769)[tag] for tag in EXIF_SIZE] == [70000, 50000]
    assert exif_of_size(b"nonsense", 1, 1) == b"nonsense"
    assert exif_of_size(None, 1, 1) is None


def test_alpha_grows_with_the_picture(run):
    image = pixels(channels=4)
    image[:, :7, 3], image[:, 7:, 3] = 0, 255
    save("a.png", image)
    run("a.png", "b.png", "--scale", "2")
    alpha = np.asarray(load("b.png"))[..., 3]
    assert alpha.shape == (20, 28)
    assert (alpha[:, :11] < 32).all()
    assert (alpha[:, 17:] > 223).all()


def test_gray_stays_gray_and_16_bits_stay_16_bits(run):
    save("gray.png", pixels(channels=1))
    run("gray.png", "gray2.png", "--scale", "2")
    assert load("gray2.png").mode == "L"
    deep = photo.Photo(pixels(dtype=np.uint16), None, False, "PNG")
    Path("deep.png").write_bytes(photo.encode_photo(deep, deep.pixels))
    run("deep.png", "deep2.png", "--scale", "3")
    made = photo.read_photo(Path("deep2.png"))
    assert made.bit_depth == 16
    assert made.pixels.shape == (30, 42, 3)
    assert (made.pixels % 257 > 0).any()


def test_a_turned_photograph_grows_upright(run):
    exif = Image.Exif()
    exif[0x0112] = 6
    save("a.jpg", exif=exif)
    run("a.jpg", "b.jpg", "--scale", "2")
    assert load("b.jpg").size == (20, 28)


def test_one_pixel_and_odd_sizes(run):
    save("in/one.png", pixels(1, 1))
    save("in/odd.png", pixels(3, 17))
    run("in", "out", "--scale", "4")
    assert load("out/one.png").size == (4, 4)
    assert load("out/odd.png").size == (68, 12)


def test_the_sheet_shows_a_bicubic_filter_beside_the_result(run):
    save("a.png")
    run("a.png", "b.png", "--scale", "2", "--sheet", "sheet.png")
    assert load("sheet.png").size[0] > 2 * 28


# === Refusals ===


def test_results_beyond_the_limit_fail_alone_and_before_the_work(run):
    save("in/a.png")
    save("in/b.png", pixels(60, 60))
    result = run("in", "out", "--scale", "4", "--max-megapixels", "0.01", exit_code=1)
    assert "b.png: 240x240 pixels are 0.0576 megapixels, more than" in result.stderr
    assert Path("out/a.png").exists()


def test_a_container_that_is_too_small_is_said_before_the_work(run):
    save("a.webp", pixels(2, 5000))
    result = run("a.webp", "b.webp", "--scale", "4", exit_code=1)
    assert "WEBP holds at most 16383 pixels a side" in result.stderr


def test_the_limit_counts_pixels():
    with pytest.raises(PhotoError, match="16000x16000 pixels are 256 megapixels"):
        Enlargement(scale=4).checked_target(4000, 4000, 200)
    assert Enlargement(scale=4).checked_target(4000, 4000, 256) == (16000, 16000)


@pytest.mark.parametrize("size", [(3000, 4000), (2848, 4288), (400, 999), (777, 333)])
@pytest.mark.parametrize("megapixels", [0.5, 12, 24, 100])
def test_megapixels_are_never_more_than_was_asked_for(size, megapixels):
    wanted = Enlargement(megapixels=megapixels, most=1e6)
    rows, columns = wanted.checked_target(*size, megapixels)
    assert 0.99 * megapixels < rows * columns / 1e6 <= megapixels


def test_the_plan_knows_what_will_be_too_large(run, monkeypatch):
    monkeypatch.setattr("vaenhance.load_model", lambda *_, **__: pytest.fail("loaded"))
    save("in/a.png", pixels(60, 60))
    options = ("--scale", "4", "--max-megapixels", "0.01")
    result = run("in", "out", *options, "--dry-run", "--json")
    record = json.loads(result.stdout)
    assert record["status"] == "failed"
    assert "240x240 pixels are 0.0576 megapixels" in record["error"]
    run("in", "out", *options, exit_code=1)  # without the model


def red_disk():
    """Red within a circle; black, and transparent, around it."""
    down, across = np.mgrid[:48, :48]
    seen = np.hypot(down - 24, across - 24) < 16
    red = np.zeros((48, 48, 4), np.uint8)
    red[seen] = (230, 60, 40, 255)
    return red


def test_a_transparent_edge_gets_no_fringe(run):
    save("a.png", red_disk())
    run("a.png", "b.png", "--scale", "2", "--strength", "0")
    made = np.asarray(load("b.png"))
    visible = made[made[..., 3] > 0]
    assert np.abs(visible[:, :3].astype(int) - (230, 60, 40)).max() <= 1


def test_photographs_that_are_too_small_for_a_size_fail_alone(run):
    save("in/a.png", pixels(3, 3))
    save("in/b.png")
    result = run("in", "out", "--size", "40x", exit_code=1)
    words = "a.png: 3x3 pixels cannot become 40x40: the model enlarges up to 4 times, "
    assert words + "to 12x12 here" in result.stderr
    assert load("out/b.png").size == (40, 29)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--scale", "2", "--size", "9x"), "give one of"),
        (("--consistent",), "is for larger photographs"),
        (("--size", "x"), "is not like"),
        (("--size", "0x9"), "is not like"),
        (("--scale", "5"), "5"),
        (("--scale", "0"), "0"),
        (("--scale", "nan"), "'nan' is not a finite number"),
        (("--megapixels", "inf"), "'inf' is not a finite number"),
        (("--scale", "2", "--strength", "nan"), "'nan' is not a finite number"),
        (("--scale", "2", "--max-megapixels", "NaN"), "'NaN' is not a finite number"),
        (("--scale", "2", "--noise", "nan"), "'nan' is not a finite number"),
        ((), "enlarges photographs: say by how much, --scale 2 or 4"),
    ],
)
def test_what_makes_no_sense_is_an_error_before_anything(
    run, monkeypatch, options, words
):
    monkeypatch.setattr("vaenhance.load_model", lambda *_, **__: pytest.fail("loaded"))
    save("a.png")
    result = run("a.png", "b.png", *options, exit_code=2)
    assert words in result.stderr
    assert not Path("b.png").exists()


def test_a_size_that_is_typed_goes_before_the_environment(run):
    save("a.png")
    told = {"VAENHANCE_ENHANCE_SCALE": "3", "VAENHANCE_ENHANCE_CONSISTENT": "1"}
    run("a.png", "b.png", "--size", "40x", env=told)
    assert load("b.png").size == (40, 29)
    run("a.png", "c.png", env=told)
    assert load("c.png").size == (42, 30)
    both = {**told, "VAENHANCE_ENHANCE_SIZE": "40x"}
    assert "give one of" in run("a.png", "d.png", env=both, exit_code=2).stderr
    run("a.png", "d.png", "--dry-run", model="photo", env={list(told)[1]: "1"})


def test_models_that_keep_the_size_are_refused_and_others_named(run):
    save("a.png")
    result = run("a.png", "b.png", "--scale", "2", model="photo", exit_code=2)
    assert "model photo keeps the size" in result.stderr
    result = run("a.png", "b.png", "--scale", "2", model="nothing", exit_code=2)
    assert "no model 'nothing'" in result.stderr


def test_without_a_model_named_one_that_enlarges_is_taken(run, large, monkeypatch):
    monkeypatch.setattr(enlarging, "enlarging_models", lambda: [str(large)])
    save("a.png")
    run("a.png", "b.png", "--scale", "2", model=None)
    assert load("b.png").size == (28, 20)
    monkeypatch.setattr(enlarging, "enlarging_models", list)
    result = run("a.png", "c.png", "--scale", "2", model=None, exit_code=2)
    assert "no built-in model enlarges" in result.stderr


def test_the_preferred_built_in_model_comes_first(large, monkeypatch):
    monkeypatch.setattr(checkpoint, "builtin_models", lambda: ["a", "detail", "small"])
    scales = {"a": (1, 2), "detail": (2, 4), "small": (1,)}
    monkeypatch.setattr(enlarging, "_scales", scales.get)
    assert enlarging.enlarging_models() == ["detail", "a"]


# === Latents of models that only enlarge ===


def test_decode_gives_the_bytes_of_enhance_at_every_scale(invoke, run, large):
    alpha = 60 + pixels(100, 90, channels=1) % 100
    save("in/tiles.png", np.dstack([pixels(100, 90), alpha]))
    deep = photo.Photo(pixels(dtype=np.uint16), None, False, "PNG")
    Path("in/deep.png").write_bytes(photo.encode_photo(deep, deep.pixels))
    save("in/gray.png", pixels(channels=1))
    exif = Image.Exif()
    exif.get_ifd(0x8769).update({0xA002: 14, 0xA003: 10})
    save("in/sub/a.jpg", exif=exif, dpi=(300, 300))
    tiles = ("--tile", 96, "--overlap", 48)
    invoke("encode", "in", "l.npz", "-m", large, *tiles)
    sizes = [("--scale", 4), ("--scale", 2), ("--scale", 3), ("--megapixels", 0.012)]
    for number, asked in enumerate(sizes):
        is_beyond = number == 3  # of the small ones
        wanted, made = Path(f"want{number}"), Path(f"made{number}")
        enhanced = run("in", wanted, *asked, *tiles, exit_code=int(is_beyond))
        decode = ("decode", "l.npz", made, "-m", large, *asked)
        decoded = invoke(*decode, exit_code=int(is_beyond))
        files = [p.relative_to(wanted) for p in wanted.rglob("*.*")]
        assert len(files) == (1 if is_beyond else 4)
        for file in files:
            assert (made / file).read_bytes() == (wanted / file).read_bytes(), file
        for result in (enhanced, decoded) if is_beyond else ():
            assert "the model enlarges up to 4 times" in result.stderr
    refused = invoke("decode", "l.npz", "x", "-m", large, "--scale", 5, exit_code=2)
    assert "5" in refused.stderr


def test_decode_and_interpolate_state_the_size_that_was_written(invoke, large, run):
    rgba = np.dstack([pixels(), pixels(channels=1)])
    save("in/a.png", rgba)
    save("in/b.png", pixels()[::-1])
    invoke("encode", "in", "l.npz", "-m", large)
    records = [
        json.loads(line)
        for _ in range(2)  # written, then skipped
        for line in invoke("decode", "l.npz", "out", "-m", large, "--json")
        .stdout.splitlines()
    ]  # fmt: skip
    assert [r["status"] for r in records] == ["decoded"] * 2 + ["skipped"] * 2
    assert {(r["width"], r["height"]) for r in records} == {(28, 20)}
    assert load("out/a.png").size == (28, 20)
    assert load("out/a.png").mode == "RGBA"
    for target, size in (("way/", (28, 20)), ("way.png", None), ("way.gif", (28, 20))):
        between = ("interpolate", "in/b.png", "in/b.png", target, "--frames", 3)
        said = invoke(*between, "-m", large, "--json").stdout.splitlines()
        record = json.loads(said[-1])
        drawn = load(record["target"]).size
        assert (record["width"], record["height"]) == drawn == (size or drawn)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("score", "a.png"), "not made for photographs of any size"),
        (("evaluate", "a.png", "--noise", "25"), "say by how much, --scale 2 or 4"),
        (("evaluate", "a.png", "--likelihood"), "enlarges: likelihoods are for"),
    ],
)
def test_what_they_cannot_measure_is_refused_before_they_are_loaded(
    invoke, large, run, monkeypatch, command, words
):
    for place in ("vaenhance.load_model", "vaenhance.api.load_model"):
        monkeypatch.setattr(place, lambda *_, **__: pytest.fail("loaded"))
    save("a.png")
    assert words in invoke(*command, "-m", large, exit_code=2).stderr


def test_latents_know_what_is_transparent_as_enhance_does(run, invoke, large):
    save("a.png", red_disk())
    run("a.png", "b.png", "--scale", "2")
    invoke("encode", "a.png", "a.npz", "--model", large)
    invoke("decode", "a.npz", "c.png", "--model", large, "--scale", "2")
    assert Path("c.png").read_bytes() == Path("b.png").read_bytes()
