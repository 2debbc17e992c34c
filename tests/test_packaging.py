"""What is built can be installed and works on its own, with its weights.

The source archive is built from the checkout, the wheel from the unpacked archive,
and the wheel is installed into an empty environment: what the archive lacks, the
wheel lacks, and the command shows it. TensorFlow and the other dependencies are
not downloaded again: the new environment looks them up in the present one.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
WEIGHTS = {
    f"vaenhance/models/photo/{name}"
    for name in ("config.json", "model.weights.h5", "card.json")
}

pytestmark = pytest.mark.slow


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Runs a command as a user's shell would: without this checkout in its paths."""
    hidden = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
    environment = {k: v for k, v in os.environ.items() if k not in hidden}
    result = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, (
        f"{command}\nstdout: {result.stdout[-3000:]}\nstderr: {result.stderr[-3000:]}"
    )
    return result


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sdist")
    run(
        sys.executable,
        "-m",
        "hatchling",
        "build",
        "-t",
        "sdist",
        "-d",
        folder,
        cwd=ROOT,
    )
    (archive,) = folder.glob("vaenhance-*.tar.gz")
    return archive


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (source,) = folder.iterdir()
    command = (sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder)
    run(*command, cwd=source)
    (built,) = folder.glob("vaenhance-*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripts folder of a new environment with the wheel in it."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    venv.create(folder, with_pip=False)
    scripts = folder / ("Scripts" if os.name == "nt" else "bin")
    python = scripts / "python"
    pip = (sys.executable, "-m", "pip", "--python", python, "install", "--no-deps")
    run(*pip, "--no-index", "--quiet", wheel, cwd=folder)
    # A path named in a .pth file is searched last, and .pth files found there are
    # not read: an editable install of this checkout stays out of sight.
    (site,) = folder.rglob("site-packages")
    outer = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (site / "outer.pth").write_text("\n".join(sorted(outer)) + "\n")
    return scripts


def test_sdist_has_weights_tests_and_licence(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    wanted = {"LICENSE", "README.md", "tests/test_packaging.py", "scripts/demo"}
    assert names >= WEIGHTS | wanted


def test_wheel_has_weights_and_nothing_but_the_package(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        weights = archive.read("vaenhance/models/photo/model.weights.h5")
    assert set(names) >= WEIGHTS
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"vaenhance"}
    checkout = ROOT / "vaenhance" / "models" / "photo" / "model.weights.h5"
    assert weights == checkout.read_bytes()
    assert len(weights) <= 6e6, "weights are kept within 6 MB"


def test_wheel_states_version_licence_and_needs(wheel: Path) -> None:
    import vaenhance

    with zipfile.ZipFile(wheel) as archive:
        (name,) = [n for n in archive.namelist() if n.endswith(".dist-info/METADATA")]
        metadata = archive.read(name).decode()
    assert f"\nVersion: {vaenhance.__version__}\n" in metadata
    assert "\nLicense-Expression: Apache-2.0 AND CC-BY-SA-3.0\n" in metadata
    assert "\nRequires-Python: >=3.11\n" in metadata
    assert "\nRequires-Dist: keras<4,>=3.15.1\n" in metadata, "the security floor"


def test_installed_wheel_is_the_one_that_runs(installed: Path, tmp_path: Path) -> None:
    code = "import vaenhance; print(vaenhance.__file__)"
    result = run(installed / "python", "-c", code, cwd=tmp_path)
    assert Path(result.stdout.strip()).is_relative_to(installed.parent)


def test_installed_wheel_enhances_a_photograph(installed: Path, tmp_path: Path) -> None:
    with Image.open(ROOT / "samples" / "astronaut.png") as photograph:
        x = np.asarray(photograph.crop((160, 40, 288, 168)), np.float64)
    noise = np.random.default_rng(0).normal(0, 25, x.shape)
    y = np.clip(np.rint(x + noise), 0, 255)
    source, target = tmp_path / "noisy.png", tmp_path / "better.png"
    Image.fromarray(y.astype(np.uint8)).save(source)

    result = run(installed / "vaenhance", "enhance", source, target, cwd=tmp_path)

    assert result.stdout == ""
    with Image.open(target) as photograph:
        estimate = np.asarray(photograph, np.float64)
    assert estimate.shape == x.shape
    # Six decibels better: a quarter of the squared error.
    before, after = float(np.mean((y - x) ** 2)), float(np.mean((estimate - x) ** 2))
    assert after < before / 4
