"""How much a photograph needs to be enhanced, in three numbers.

Base of ``api.Model``. A few crops are looked at, so that the cost does not grow with
the photograph; nothing is enhanced.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaenhance import tiling
from vaenhance.api_inputs import check_scored
from vaenhance.api_uncertainty import Uncertainty
from vaenhance.checkpoint_calibration import Calibration
from vaenhance.config import stride
from vaenhance.errors import UsageProblem

CROP = 256  # pixels a side of a crop, without what is read around it
CROPS = 3  # at most so many over the height and over the width
ROUNDING = 1 / 255**2 / 12  # variance of rounding to 8 bits, [0, 1] units squared


@dataclass(frozen=True)
class Score:
    """What a model says of a photograph as it is; docs/math.md derives the figures.

    Attributes:
        noise: estimated root mean square distance from its clean original, [0, 1]
            units: of white noise its σ, else the damage's.
        bits_per_dimension: −ELBO of the photograph under the model, in bits for each
            colour of each pixel at 8-bit precision; smaller is more usual.
        uncertainty: root mean square σ of what ``assess`` would return, [0, 1] units;
            None for a model that is not calibrated for its weights. ``noise`` is
            a little too small then.
    """

    noise: float
    bits_per_dimension: float
    uncertainty: float | None


class Scores(Uncertainty):
    """Scores photographs by the model's own judgement."""

    def score(self, image: NDArray[Any], *, seed: int = 0) -> Score:
        """Estimates noise, likelihood and uncertainty of an image of any size.

        Up to 3 × 3 crops of 256 × 256 pixels, spread evenly, stand for the image.

        Args:
            image: (H, W, C) as for ``enhance``.
            seed: of the posterior draw that the ELBO needs.

        Raises:
            UsageProblem: as for ``enhance``, there are no pixels, or the model is
                not made for photographs.
        """
        self._check_one(image)
        if image.size == 0:
            raise UsageProblem(f"expected pixels, received shape {image.shape}")
        check_scored(self.name, self.config)
        known = self.calibration() if self.is_calibrated else None
        found = [self._look(image, place, seed, known) for place in self._crops(image)]
        changed, misfit, nats, variance = np.mean(found, axis=0)
        # −log of the Gaussian with the best variance, per number, for a bin of 1/255.
        fit = 0.5 * math.log(2 * math.pi * math.e * (misfit + ROUNDING)) + math.log(255)
        return Score(
            noise=math.sqrt(changed + variance),
            bits_per_dimension=float(nats + fit) / math.log(2),
            uncertainty=None if known is None else math.sqrt(variance),
        )

    def _crops(self, image: NDArray[Any]) -> list[tuple[slice, slice]]:
        """Returns the places looked at, with the margin that the network needs."""
        step = stride(self.config)
        sides = []
        for length in image.shape[:2]:
            side = min(CROP, length)
            count = min(CROPS, -(-length // CROP))
            starts = np.linspace(0, length - side, count).round().astype(int)
            whole = -(-(side + 2 * self.margin) // step) * step
            sides.append(
                [slice(s - self.margin, s - self.margin + whole) for s in starts]
            )
        return [(rows, columns) for rows in sides[0] for columns in sides[1]]

    def _look(
        self,
        image: NDArray[Any],
        place: tuple[slice, slice],
        seed: int,
        known: Calibration | None,
    ) -> tuple[float, float, float, float]:
        """Returns of a crop: mean squares of y − x̂ and of y − a draw; nats; σ²."""
        from vaenhance.model import assessment

        y = tiling.read_padded(image, place)[None]
        inside = self._inside(place, image.shape)
        epsilons = self._noise(seed, 0, place, y.shape)
        drawn, kls = self._inference.posterior(y, None, epsilons)
        nats = float(sum(kl[0] for kl in kls)) / y.size
        if known is None:
            x_hat, unsure = self._inference.restore(y, None), 0.0
        else:
            x_hat, variance = assessment.variance(
                self._inference, y, None, [epsilons], known
            )
            unsure = float(variance[0][inside].mean())
        changed, misfit = (
            float(np.square(y - answer)[0][inside].mean()) for answer in (x_hat, drawn)
        )
        return changed, misfit, nats, unsure

    def _inside(
        self, place: tuple[slice, slice], shape: tuple[int, ...]
    ) -> tuple[slice, slice]:
        """Returns the part of a place that is neither margin nor beyond the image."""
        rows, columns = (
            slice(self.margin, min(self.margin + CROP, length - side.start))
            for side, length in zip(place, shape[:2], strict=True)
        )
        return rows, columns
