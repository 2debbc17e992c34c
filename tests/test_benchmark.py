"""scripts/benchmark: what it measures, and that its table says so. Never a time."""

from __future__ import annotations

import json
import statistics
import sys
import timeit
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.tiny import save_tiny_model
from vaenhance import metrics, photo
from vaenhance.workflows import evaluate, pairs

ROOT = Path(__file__).resolve().parent.parent
SIDE = 32


@pytest.fixture(autouse=True)
def scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))


@pytest.fixture
def worker(scripts: None) -> ModuleType:
    return import_module("benchmark_worker")


@pytest.fixture
def benchmark(scripts: None) -> ModuleType:
    return import_module("benchmark")


@pytest.fixture
def photographs(tmp_path: Path, samples: Path) -> Path:
    """Two small parts of real photographs."""
    folder = tmp_path / "clean"
    folder.mkdir()
    for name in ("chelsea", "coffee"):
        pixels = photo.read_pixels(samples / f"{name}.png")
        part = np.ascontiguousarray(pixels[100 : 100 + SIDE, 120 : 120 + SIDE])
        photo.save_png(part, folder / f"{name}.png")
    return folder


def job(method: str, folder: Path, **changes: Any) -> dict[str, Any]:
    return {
        "method": method,
        "model": "photo",
        "threads": 1,
        "seed": 0,
        "clip": False,
        "limit": None,
        "rows": [{"noise": 25.0}],
        "regions": {"": str(folder)},
        "timed": [],
        **changes,
    }


def add_method(
    worker: ModuleType, monkeypatch: Any, **details: Any
) -> list[np.ndarray]:
    """A method "fake" that gives its input back; returns what it has received."""
    received: list[np.ndarray] = []

    def apply(image: np.ndarray, threads: int, **settings: float) -> np.ndarray:
        received.append(image)
        return image

    details = {"apply": apply, "grid": lambda level: [{"level": level}], **details}
    monkeypatch.setitem(worker.FILTERS, "fake", worker.Filter(**details))
    return received


# === Quality ===


@pytest.mark.parametrize("is_8_bit", [False, True])
def test_noise_and_figures_are_those_of_evaluate(
    worker: ModuleType, photographs: Path, monkeypatch: Any, is_8_bit: bool
) -> None:
    received = add_method(worker, monkeypatch, is_8_bit=is_8_bit)
    (entry,) = worker.quality(job("fake", photographs), None)

    images, _ = pairs.find_pairs(photographs, None)
    settings = evaluate.Settings(clip=is_8_bit)
    x, y = [], []
    for pair in images:
        x.append(pairs.read(pair)[0])
        row = evaluate.Degradation(noise=25.0)
        y.append(evaluate.degrade_image(x[-1], row, settings, pair.name))
    expected = [metrics.psnr(a, np.clip(b, 0, 1)) for a, b in zip(x, y, strict=True)]
    assert entry["psnr_enhanced"] == pytest.approx(statistics.fmean(expected), abs=1e-4)
    assert entry["input"] == ("8-bit" if is_8_bit else "unclipped")
    assert (entry["degradation"], entry["images"]) == ("noise 25", 2)
    assert {image.dtype for image in received} == {np.dtype(["f4", "u1"][is_8_bit])}
    assert entry["settings"] == {"level": 25.0}


def test_clip_gives_every_method_8_bits(
    worker: ModuleType, photographs: Path, monkeypatch: Any
) -> None:
    received = add_method(worker, monkeypatch, is_8_bit=False)
    (entry,) = worker.quality(job("fake", photographs, clip=True), None)
    assert entry["input"] == "8-bit"
    for y in received:
        np.testing.assert_allclose(y * 255, np.rint(y * 255), atol=1e-4)


def test_the_best_settings_are_chosen(worker: ModuleType) -> None:
    def apply(image: np.ndarray, threads: int, *, offset: float) -> np.ndarray:
        return image + np.float32(offset)

    offsets = [{"offset": o} for o in (0.0, 0.3, 0.1, 0.2)]
    chosen = worker.Filter(apply, lambda level: offsets, is_8_bit=False)
    x = np.full((16, 16, 3), 0.5, np.float32)
    examples = [(x, x - np.float32(0.19)), (x, x - np.float32(0.22))]
    assert worker.tune(chosen, examples, 25.0, 1) == {"offset": 0.2}


def test_filters_are_told_the_error_of_jpeg(
    worker: ModuleType, photographs: Path, monkeypatch: Any
) -> None:
    add_method(worker, monkeypatch)
    rows = [{"jpeg": 10}, {"jpeg": 90}]
    coarse, fine = worker.quality(job("fake", photographs, rows=rows), None)
    assert coarse["settings"]["level"] > fine["settings"]["level"] > 0
    assert coarse["input"] == "8-bit"


def test_what_does_not_repair_jpeg_is_not_asked_to(
    worker: ModuleType, photographs: Path, monkeypatch: Any
) -> None:
    add_method(worker, monkeypatch, repairs_jpeg=False)
    rows = [{"jpeg": 10}, {"noise": 25.0}]
    (entry,) = worker.quality(job("fake", photographs, rows=rows), None)
    assert entry["degradation"] == "noise 25"


def test_an_unreadable_photograph_is_named(
    worker: ModuleType, photographs: Path, monkeypatch: Any
) -> None:
    add_method(worker, monkeypatch)
    (photographs / "broken.png").write_text("not a photograph")
    (entry,) = worker.quality(job("fake", photographs), None)
    assert entry["images"] == 2
    (failed,) = entry["failed"]
    assert failed.startswith("broken.png: ")


@pytest.mark.parametrize("name", ["opencv-nlm", "opencv-bilateral", "opencv-median"])
def test_opencv_removes_noise(worker: ModuleType, photographs: Path, name: str) -> None:
    pytest.importorskip("cv2")
    (entry,) = worker.quality(job(name, photographs), None)
    assert entry["psnr_enhanced"] > entry["psnr_input"] + 3
    assert entry["input"] == "8-bit"


def test_opencv_gets_its_channels_in_its_order(worker: ModuleType) -> None:
    cv2 = pytest.importorskip("cv2")
    rng = np.random.default_rng(0)
    base = np.array([200, 90, 30])
    image = np.clip(base + rng.normal(0, 15, (24, 24, 3)), 0, 255).astype(np.uint8)
    chosen = worker.FILTERS["opencv-nlm"]
    settings = {"template": 3, "h": 9.0, "h_color": 12.0}
    answer = worker.Tuned(chosen, settings, 1).enhance(image)
    bgr = np.ascontiguousarray(image[..., ::-1])
    expected = cv2.fastNlMeansDenoisingColored(bgr, None, 9.0, 12.0, 3, 21)
    np.testing.assert_array_equal(answer, expected[..., ::-1])


# === Speed ===


def test_warming_up_is_not_counted(worker: ModuleType) -> None:
    calls: list[int] = []
    seconds = worker.measure(lambda: calls.append(1), 3)
    assert (len(calls), len(seconds)) == (4, 3)
    assert min(seconds) >= 0


def test_peak_memory_holds_what_was_used(worker: ModuleType) -> None:
    block = np.ones(20_000_000, np.uint8)
    assert worker.peak_memory() > block.nbytes


def test_the_photograph_has_any_size_and_is_always_the_same(photographs: Path) -> None:
    images = import_module("benchmark_images")
    first = images.make_photograph(photographs / "coffee.png", 80, 20, 0)
    again = images.make_photograph(photographs / "coffee.png", 80, 20, 0)
    other = images.make_photograph(photographs / "coffee.png", 80, 20, 1)
    assert (first.shape, first.dtype) == ((20, 80, 3), np.uint8)
    assert (first == again).all() and (first != other).any()


def test_full_is_twelve_megapixels() -> None:
    images = import_module("benchmark_images")
    width, height = images.sizes(3.0, 256, True)["full"]
    assert width * height == 12_000_000
    width, height = images.sizes(3.0, 256, False)["speed"]
    assert width * height == pytest.approx(3_000_000, rel=1e-3)


def test_cores_are_limited_only_inside() -> None:
    machine = import_module("benchmark_machine")
    before = machine.cores()
    with machine.limited_to(1) as environment:
        assert environment["TF_NUM_INTRAOP_THREADS"] == "1"
        assert environment["OMP_NUM_THREADS"] == "1"
        if sys.platform == "linux":
            assert machine.cores() == 1
    assert machine.cores() == before


# === The whole run ===


def entry(region: str, kind: str, row: str, psnr: float) -> dict[str, Any]:
    figures = {"psnr_input": 20.0, "ssim_input": 0.4, "ssim_enhanced": 0.9}
    return {
        "region": region,
        "input": kind,
        "degradation": row,
        "psnr_enhanced": psnr,
        **figures,
        "settings": {},
        "images": 2,
        "failed": [],
    }


def test_the_table_has_a_row_a_method_and_computes_twelve_megapixels() -> None:
    table = import_module("benchmark_table")
    timed = {"megapixels_a_second": 1.5, "megapixels": 3.0, "peak_megabytes": 700.0}
    ours = {
        "method": "vaenhance-float32",
        "first_image_seconds": 4.0,
        "speed": timed,
        "full": {**timed, "megapixels": 12.0, "median_seconds": 8.5},
        "quality": [
            entry("", "unclipped", "noise 25", 30.5),
            entry("middle 256×256", "unclipped", "noise 25", 30.7),
        ],
    }
    theirs = {
        "method": "bm3d",
        "first_image_seconds": 9.0,
        "speed": {**timed, "megapixels_a_second": 0.015, "megapixels": 0.065},
        "quality": [entry("middle 256×256", "unclipped", "noise 25", 30.1)],
    }
    machine = {
        "processor": "P",
        "cores": 2,
        "system": "S",
        "load_before": 0.0,
        "versions": {"numpy": "2"},
        "model": "photo",
        "weights_sha256": "0" * 64,
    }
    result = {
        "machine": machine,
        "threads": 2,
        "folder": "bsd24",
        "seed": 0,
        "repeats": 5,
        "methods": [ours, theirs],
        "commands": {"vaenhance --help": 0.2},
    }
    lines = table.lines(result)
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in lines
        if line.startswith("|")
    ]
    assert len({len(row) for row in rows}) == 1
    by_name = {row[0]: dict(zip(rows[0], row, strict=True)) for row in rows[2:]}
    assert list(by_name) == [
        "input",
        "vaenhance float32",
        "input, middle 256×256",
        "vaenhance float32, middle 256×256",
        "bm3d (CBM3D, told the noise), middle 256×256",
    ]
    best = by_name["vaenhance float32"]
    assert best["noise 25"] == "30.50 / 0.9000"
    assert best["12 MP, s (computed)"] == "8"
    assert best["12 MP, s (measured)"] == "8.5"
    assert best["peak memory, MB"] == "700 (12 MP)"
    slow = by_name["bm3d (CBM3D, told the noise), middle 256×256"]
    assert slow["12 MP, s (computed)"] == "800"
    assert slow["12 MP, s (measured)"] == "–"
    assert by_name["input"]["MP/s"] == "–"


def test_one_run_measures_opencv(
    benchmark: ModuleType, photographs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("cv2")
    arguments = [photographs, "--sigmas", 25, "--methods", "opencv-median", "--json"]
    small = ["--repeats", 1, "--megapixels", 0.001, "--no-speed", "--threads", 1]
    assert benchmark.main([str(a) for a in (*arguments, *small)]) == 0
    result = json.loads(capsys.readouterr().out)
    (method,) = result["methods"]
    assert method["quality"][0]["images"] == 2
    assert result["machine"]["versions"]["opencv-python-headless"]
    assert "speed" not in method and "commands" not in result


@pytest.mark.slow
def test_one_run_measures_vaenhance(
    benchmark: ModuleType,
    photographs: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = save_tiny_model(tmp_path / "tiny")
    # Each command once: that warming up comes first is a test of its own.
    monkeypatch.setattr(
        benchmark, "measure", lambda call, repeats: [timeit.timeit(call, number=1)]
    )
    arguments = [photographs, "--model", model, "--methods", "vaenhance-float32"]
    small = ["--repeats", 1, "--megapixels", 0.001, "--sigmas", 25, "--jpeg", 10]
    assert benchmark.main([str(a) for a in (*arguments, *small)]) == 0
    out = capsys.readouterr().out
    assert "| vaenhance float32 |" in out
    assert "noise 25 | " in out and "jpeg 10 | " in out
    assert "- `vaenhance --help`: " in out


@pytest.fixture
def in_this_process(
    benchmark: ModuleType, worker: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> list[dict[str, Any]]:
    """Any method is there and takes no time; the jobs that its workers were given."""
    jobs: list[dict[str, Any]] = []

    def run_worker(job: dict[str, Any], environment: dict[str, str]) -> dict[str, Any]:
        jobs.append(job)
        for photograph in job["timed"]:
            np.load(photograph["image"])
        speed = {"megapixels_a_second": 1.0, "megapixels": 3.0, "peak_megabytes": 1.0}
        found = {"method": job["method"], "first_image_seconds": 1.0, "speed": speed}
        return {**found, "quality": worker.quality(job, None)}

    monkeypatch.setattr(benchmark, "NEEDS", {"bm3d": ("numpy", "numpy")})
    monkeypatch.setattr(benchmark, "time_command", lambda *given: {})
    monkeypatch.setattr(benchmark, "run_worker", run_worker)
    apply = worker.Filter(lambda image, threads, **settings: image, lambda level: [{}])
    monkeypatch.setitem(worker.FILTERS, "bm3d", apply)
    return jobs


@pytest.mark.parametrize("without", ["--no-quality", "--sigmas"])
def test_bm3d_can_be_timed_alone(
    benchmark: ModuleType,
    photographs: Path,
    in_this_process: list[dict[str, Any]],
    without: str,
) -> None:
    small = ["--with-bm3d", "--megapixels", "0.001", "--crop", "16", "--json"]
    assert benchmark.main([str(photographs), *small, without]) == 0
    (told,) = in_this_process
    assert told["regions"] == {}
    assert told["rows"] == []


def test_photographs_of_one_name_are_two_crops(
    benchmark: ModuleType,
    photographs: Path,
    in_this_process: list[dict[str, Any]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    with Image.open(photographs / "coffee.png") as picture:
        picture.save(photographs / "coffee.jpg")
        picture.save(photographs / "coffee.jpg.png")
    small = ["--with-bm3d", "--no-speed", "--crop", "16", "--sigmas", "25", "--json"]
    assert benchmark.main([str(photographs), *small]) == 0
    (method,) = json.loads(capsys.readouterr().out)["methods"]
    (entry,) = method["quality"]
    assert (entry["region"], entry["images"]) == ("middle 16×16", 4)


def test_a_photograph_that_can_be_read_is_timed(
    benchmark: ModuleType,
    photographs: Path,
    in_this_process: list[dict[str, Any]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    (photographs / "a.png").write_text("not a photograph")
    small = ["--with-bm3d", "--no-quality", "--megapixels", "0.001", "--json"]
    assert benchmark.main([str(photographs), *small]) == 0
    assert len(in_this_process) == 1
    said = capsys.readouterr().err
    assert "not timed: a.png: " in said
    assert "chelsea" not in said
    assert benchmark.main([str(photographs), *small, "--limit", "1"]) == 1
    assert "no photograph can be read: a.png: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--repeats", "0"], "--repeats must be at least 1"),
        (["--sigmas", "-1"], "must be above 0"),
        (["--jpeg", "101"], "from 1 to 100"),
        (["--methods", "magic"], "invalid choice"),
    ],
)
def test_nonsense_is_refused(
    benchmark: ModuleType,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    words: str,
) -> None:
    with pytest.raises(SystemExit) as refused:
        benchmark.main(["folder", *arguments])
    assert refused.value.code == 2
    assert words in capsys.readouterr().err


def test_an_empty_folder_is_refused(
    benchmark: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    methods = ["--methods", "vaenhance-float32", "--no-speed"]
    assert benchmark.main([str(tmp_path), *methods]) == 2
    assert "no images found" in capsys.readouterr().err
