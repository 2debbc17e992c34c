"""``vaenhance evaluate --likelihood``: bounds of log p(x), in nats and bits.

How they look and how the run goes; ``workflows/likelihood.py`` measures.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaenhance.cli import console
from vaenhance.cli.scores import failed, finite
from vaenhance.workflows import likelihood as story

if TYPE_CHECKING:
    from vaenhance.api import Model

# What the figures are, by likelihood and bits.
_BITS = {
    "dynamic": "bits drawn anew from gray values (dynamic binarisation)",
    "static": "bits drawn once from gray values (static binarisation)",
}
_GRAY = "cross-entropy of gray values: a score, not a probability"
_LOGISTIC = "discretised logistic: probability of 8-bit values"
_DENSITY = (
    "density at the best sigma of each image: for comparing models only; "
    "bits per dimension need model.likelihood logistic"
)


def run(
    source: Path,
    model: str,
    load: Callable[[], Model],
    *,
    samples: int | None,
    scatter: Path | None,
    limit: int | None,
    seed: int,
    as_json: bool,
) -> int:
    """Measure every image in SOURCE.

    Args:
        source: Folder of images, or an .npz.
        model: How the user calls the model.
        load: Starts TensorFlow; called when the images are found.
        samples: Draws for each image; None for one, without a weighted bound.
        scatter: Where a chart of the latents goes, if it is wanted.
        limit: Only so many images, chosen by the seed.
        seed: Of the choice, the bits and the draws.
        as_json: One object instead of lines.

    Returns:
        The exit code.

    Raises:
        UsageProblem: There are no images, or the model is none.
    """
    from vaenhance.api_inputs import check_bounded
    from vaenhance.checkpoint import find_model, load_config
    from vaenhance.workflows import manifold

    settings = story.Settings(samples or 1, limit, seed)
    folder = find_model(model)
    trained = load_config(folder)
    check_bounded(folder.resolve().name, trained.model)
    if scatter is not None:
        manifold.check(model, "--scatter")
    dataset, failures = story.open_images(source, trained, settings)
    network = load()
    with console.Progress(len(dataset), unit="images", decimals=0) as bar:
        report = story.measure(dataset, network, settings, failures, bar.advance)
    for failure in failures:
        console.error(failed(failure))
    if as_json:
        common = {"model": model, "precision": network.precision}
        failed_ones = [{"image": f.image, "error": f.reason} for f in failures]
        console.json_line({**common, **record(report, settings), "failed": failed_ones})
    else:
        for line in lines(report, settings):
            console.product(line)
    if scatter is not None:
        # What cannot be decoded has been said already.
        manifold.save_scatter(dataset, network, scatter, seed=seed)
        console.message(f"scatter: {scatter}")
    return 1 if failures else 0


def lines(report: story.Report, settings: story.Settings) -> Iterator[str]:
    """What is said for people."""
    count = len(report.names)
    yield f"{count} image{'s' if count != 1 else ''}, nats per image:"
    parts = " + ".join(f"{level:.2f}" for level in report.kl.mean(axis=0))
    rows = [
        ("-ELBO", _said(story.Estimate.of(report.negative_elbo))),
        ("  -log p(x|z)", f"{report.negative_log_likelihood.mean():.2f}"),
        ("  KL, coarse to fine", f"{report.kl.sum(axis=1).mean():.2f} = {parts}"),
    ]
    if settings.samples > 1:
        name = f"-log p(x), bound of {settings.samples} draws"
        rows.append((name, _said(story.Estimate.of(report.negative_weighted))))
    if report.is_probability:
        best = (
            report.negative_weighted if settings.samples > 1 else report.negative_elbo
        )
        rows.append(("bits per dimension", _said(report.bits(best), 4)))
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        yield f"{name.ljust(width)}  {value}"
    yield f"protocol: {protocol(report, settings)}"


def protocol(report: story.Report, settings: story.Settings) -> str:
    """One line that says what the figures mean."""
    if report.likelihood == "bernoulli":
        what = (
            f"Bernoulli, {_BITS[report.binarize]}" if report.is_probability else _GRAY
        )
    else:
        what = _LOGISTIC if report.is_probability else _DENSITY
    chosen = " chosen" if settings.limit is not None else ""
    return (
        f"{what}; beta 1, no free bits; {settings.samples} draw"
        f"{'s' if settings.samples > 1 else ''} an image, seed {settings.seed}; "
        f"mean of the{chosen} images ± standard error"
    )


def record(report: story.Report, settings: story.Settings) -> dict[str, Any]:
    """The same as plain data; a standard error of one image is null."""
    elbo, weighted = report.negative_elbo, report.negative_weighted
    found: dict[str, Any] = {
        "images": len(report.names),
        "likelihood": report.likelihood,
        "binarize": report.binarize,
        "is_probability": report.is_probability,
        "protocol": asdict(settings),
        "negative_elbo": _plain(story.Estimate.of(elbo)),
        "negative_log_likelihood": float(report.negative_log_likelihood.mean()),
        "kl": report.kl.mean(axis=0).tolist(),
        "negative_weighted_bound": _plain(story.Estimate.of(weighted)),
    }
    if report.is_probability:
        found["bits_per_dimension"] = _plain(report.bits(elbo))
        found["bits_per_dimension_weighted"] = _plain(report.bits(weighted))
    each = zip(report.names, elbo.tolist(), weighted.tolist(), strict=True)
    found["per_image"] = [
        {"image": name, "negative_elbo": first, "negative_weighted_bound": second}
        for name, first, second in each
    ]
    return found


def _said(estimate: story.Estimate, decimals: int = 2) -> str:
    if not math.isfinite(estimate.error):
        return f"{estimate.mean:.{decimals}f}"
    return f"{estimate.mean:.{decimals}f} ± {estimate.error:.{decimals}f}"


def _plain(estimate: story.Estimate) -> dict[str, float | None]:
    return {"mean": estimate.mean, "standard_error": finite(estimate.error)}
