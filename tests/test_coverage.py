"""Coverage, rank correlation and ENCE; and a fit that finds a σ that is known."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from vaenhance.photo import save_png
from vaenhance.workflows import coverage
from vaenhance.workflows.coverage import ence, measure, reliability, spearman
from vaenhance.workflows.evaluate import degradations
from vaenhance.workflows.pairs import find_pairs


def known(count: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    """Errors (N, 3) of known σ (N,) that differs from pixel to pixel."""
    rng = np.random.default_rng(0)
    sigma = np.exp(rng.uniform(np.log(0.005), np.log(0.1), count))
    return rng.normal(0, sigma[:, None], (count, 3)), sigma


def test_a_sigma_that_is_right_is_found_right():
    errors, sigma = known()
    found = reliability("any", errors, sigma, 7)
    assert found.within_1 == pytest.approx(0.6827, abs=0.01)
    assert found.within_2 == pytest.approx(0.9545, abs=0.01)
    assert found.rank_correlation > 0.85
    assert 0.6 < found.rank_correlation_colors < found.rank_correlation
    assert found.ence < 0.02
    assert found.error == pytest.approx(found.sigma, rel=0.02)
    assert found.as_json()["images"] == 7


def test_a_sigma_that_is_wrong_is_found_wrong():
    errors, sigma = known()
    assert reliability("any", errors, sigma / 2, 1).within_1 < 0.45
    assert ence(errors, sigma / 2) == pytest.approx(1.0, abs=0.05)
    shuffled = np.random.default_rng(1).permutation(sigma)
    assert abs(reliability("any", errors, shuffled, 1).rank_correlation) < 0.03


def test_gray_models_are_measured_on_the_gray_of_colours(tmp_path):
    class Gray:
        config = SimpleNamespace(channels=1)

        def assess(self, y, **told):
            return SimpleNamespace(image=y, sigma=np.full(y.shape[:2], 0.1))

    pixels = np.random.default_rng(0).integers(0, 256, (24, 24, 3)).astype(np.uint8)
    save_png(pixels, tmp_path / "a.png")
    (pair,), _ = find_pairs(tmp_path, None)
    (found,) = measure(Gray(), [pair], degradations(clean=True))
    assert found.error == 0.0


@pytest.mark.parametrize("most", [2_000_000, 1_000])
def test_many_images_are_measured_in_bounded_memory(tmp_path, monkeypatch, most):
    rng = np.random.default_rng(0)

    class Noisy:
        config = SimpleNamespace(channels=3)

        def assess(self, y, **told):
            sigma = rng.uniform(0.01, 0.1, y.shape[:2])
            image = y + rng.normal(0, sigma[..., None], y.shape)
            return SimpleNamespace(image=image, sigma=sigma)

    sizes = []

    def watched(label, errors, sigma, images):
        sizes.append(len(sigma))
        return reliability(label, errors, sigma, images)

    monkeypatch.setattr(coverage, "PIXELS", most)
    monkeypatch.setattr(coverage, "reliability", watched)
    for name in "abcde":
        save_png(np.full((40, 60, 3), 128, np.uint8), tmp_path / f"{name}.png")
    pairs, _ = find_pairs(tmp_path, None)
    (found,) = measure(Noisy(), pairs, degradations(clean=True))
    assert sizes == [min(most, 5 * 40 * 60)]
    assert found.images == 5
    assert found.within_1 == pytest.approx(0.6827, abs=0.01)
    assert found.within_2 == pytest.approx(0.9545, abs=0.01)
    assert found.error == pytest.approx(found.sigma, rel=0.02)
    assert found.ence < 0.1


def test_rank_correlation_is_of_ranks_and_ties_share_theirs():
    values = np.array([0.1, 5.0, 0.3, 2.0])
    assert spearman(values, np.exp(values)) == pytest.approx(1.0)
    assert spearman(values, -values) == pytest.approx(-1.0)
    # By hand: ranks 1 2.5 2.5 4 and 1 2 3 4.
    tied = spearman(np.array([1, 2, 2, 3]), np.array([1, 2, 3, 4]))
    assert tied == pytest.approx(4.5 / np.sqrt(4.5 * 5))
    assert spearman(np.ones(4), values) == 0.0


def scale(fitted, values: np.ndarray) -> np.ndarray:
    """σ (N,) that a fit says of features (N, F)."""
    from vaenhance.model.decoder_scale import log_sigma

    mean, deviation, layers = fitted
    standard = ((values - mean) / deviation)[None, None].astype(np.float32)
    return np.exp(log_sigma(standard, layers).numpy()[0, 0, :, 0])


def test_the_fit_finds_the_sigma_that_made_the_errors(monkeypatch):
    from vaenhance.runtime import import_tensorflow

    import_tensorflow()
    from vaenhance.model import scale_fit

    monkeypatch.setattr(scale_fit, "STEPS", 400)
    monkeypatch.setattr(scale_fit, "COVER_STEPS", 300)
    rng = np.random.default_rng(0)
    values = rng.normal(3, 2, (20_000, 5)).astype(np.float32)
    true = np.exp(-4 + 0.3 * (values[:, 0] - 3) + 0.2 * np.abs(values[:, 1] - 3))
    spread = rng.uniform(0, 2e-4, len(true)).astype(np.float32)
    total = np.sqrt(true**2 + spread)
    errors = rng.normal(0, total[:, None], (len(true), 12)).astype(np.float32)
    fitted, again = (scale_fit.fit(values, errors, spread) for _ in range(2))
    assert np.array_equal(fitted[2][0][0], again[2][0][0])
    covered = scale_fit.cover(fitted, values, errors, spread)
    fresh = rng.normal(3, 2, (5_000, 5)).astype(np.float32)
    wanted = np.exp(-4 + 0.3 * (fresh[:, 0] - 3) + 0.2 * np.abs(fresh[:, 1] - 3))
    assert np.log(wanted).std() > 0.6
    for found in (fitted, covered):  # both agree where errors are Gaussian
        ratio = np.log(scale(found, fresh) / wanted)
        assert abs(ratio.mean()) < 0.05
        assert ratio.std() < 0.15


def test_errors_with_heavy_tails_are_covered_as_often_as_a_gaussians(monkeypatch):
    from vaenhance.runtime import import_tensorflow

    import_tensorflow()
    from vaenhance.model import scale_fit

    monkeypatch.setattr(scale_fit, "STEPS", 200)
    monkeypatch.setattr(scale_fit, "COVER_STEPS", 600)
    rng = np.random.default_rng(0)
    # Smooth and textured places, told apart by a feature; inside, anything.
    kind = rng.integers(0, 2, 20_000)
    true = np.where(kind, 0.05, 0.01)[:, None]
    errors = (true * rng.standard_t(2.5, (len(kind), 12))).astype(np.float32)
    values = np.stack([kind, rng.normal(size=len(kind))], 1).astype(np.float32)
    spread = np.full(len(kind), 1e-6, np.float32)
    fitted = scale_fit.fit(values, errors, spread)
    covered = scale_fit.cover(fitted, values, errors, spread)

    def measured(found, part):
        total = np.sqrt(scale(found, values[part]) ** 2 + spread[part])
        return reliability("any", errors[part], total, 1)

    for part in (kind == 0, kind == 1):
        assert measured(fitted, part).within_1 > 0.73  # a root mean square is larger
        found = measured(covered, part)
        assert found.within_1 < measured(fitted, part).within_1 - 0.02
        # No σ gives both of a Gaussian's parts: 2 σ is missed by three times as much.
        over, under = found.within_1 - 0.683, 0.954 - found.within_2
        assert 3 * over == pytest.approx(under, abs=0.015)
        assert 0.003 < over < 0.03
