"""Coverage, rank correlation and ENCE; and a fit that finds a σ that is known."""

from __future__ import annotations

import numpy as np
import pytest

from vaenhance.workflows.coverage import ence, reliability, spearman


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


def test_rank_correlation_is_of_ranks_and_ties_share_theirs():
    values = np.array([0.1, 5.0, 0.3, 2.0])
    assert spearman(values, np.exp(values)) == pytest.approx(1.0)
    assert spearman(values, -values) == pytest.approx(-1.0)
    # By hand: ranks 1 2.5 2.5 4 and 1 2 3 4.
    tied = spearman(np.array([1, 2, 2, 3]), np.array([1, 2, 3, 4]))
    assert tied == pytest.approx(4.5 / np.sqrt(4.5 * 5))
    assert spearman(np.ones(4), values) == 0.0


def test_the_fit_finds_the_sigma_that_made_the_errors(monkeypatch):
    from vaenhance.runtime import import_tensorflow

    import_tensorflow()
    from vaenhance.model import scale_fit
    from vaenhance.model.decoder_scale import log_sigma

    monkeypatch.setattr(scale_fit, "STEPS", 400)
    rng = np.random.default_rng(0)
    values = rng.normal(3, 2, (20_000, 5)).astype(np.float32)
    true = np.exp(-4 + 0.3 * (values[:, 0] - 3) + 0.2 * np.abs(values[:, 1] - 3))
    spread = rng.uniform(0, 2e-4, len(true)).astype(np.float32)
    total = np.sqrt(true**2 + spread)
    errors = rng.normal(0, total[:, None], (len(true), 12))
    mean, deviation, layers = scale_fit.fit(
        values, np.square(errors).mean(axis=1).astype(np.float32), spread
    )
    again = scale_fit.fit(
        values, np.square(errors).mean(axis=1).astype(np.float32), spread
    )
    assert np.array_equal(layers[0][0], again[2][0][0])
    fresh = rng.normal(3, 2, (5_000, 5)).astype(np.float32)
    wanted = np.exp(-4 + 0.3 * (fresh[:, 0] - 3) + 0.2 * np.abs(fresh[:, 1] - 3))
    standard = ((fresh - mean) / deviation)[None, None]
    found = np.exp(log_sigma(standard, layers).numpy()[0, 0, :, 0])
    ratio = np.log(found / wanted)
    assert abs(ratio.mean()) < 0.05
    assert ratio.std() < 0.15
    assert np.log(wanted).std() > 0.6
