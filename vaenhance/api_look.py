"""The Python interface of light and style: looks of photographs, as arrays.

    look = vaenhance.load_look()
    better = look.enhance(image)                       # well exposed
    warm = look.enhance(image, look.style(reference))  # the style of another one

A look is a latent z, (D,) float32; a style is a look with colours that were measured
(``grading_style``). No files but the model's.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaenhance import checkpoint, grading, grading_style, photo, runtime, thumbnails
from vaenhance.api_inputs import check_input, check_network
from vaenhance.api_inputs_look import (
    check_alpha,
    check_colours,
    check_look,
    check_power,
    check_styles_between,
    one_temperature,
)
from vaenhance.api_look_files import StoredStyles
from vaenhance.api_numbers import check_seed, check_whole
from vaenhance.checkpoint import find_model
from vaenhance.checkpoint_styles import load_styles
from vaenhance.config import ModelConfig
from vaenhance.errors import UsageProblem
from vaenhance.grading import Transform
from vaenhance.grading_style import Style
from vaenhance.patches import as_channels, cut_patches

Pixels = NDArray[np.float32]
Asked = Pixels | Style | None  # a look, a style, or to mend the light


def load_look(name_or_path: str | Path = "look", *, device: str = "auto") -> LookModel:
    """Loads a model of looks: the built-in one, or a folder of your own.

    Args:
        name_or_path: ``look``, or a folder made by ``vaenhance train --preset look``.
        device: ``auto``, ``cpu``, ``gpu`` or ``gpu:N``.

    Raises:
        ModelError: missing, damaged, or of a newer version.
        UsageProblem: it is a model of another kind.
        DeviceError: the device is not there.
    """
    folder = find_model(name_or_path)
    config = checkpoint.load_config(folder).model
    check_network(folder.resolve().name, config, wants_look=True)
    card = checkpoint.load_card(folder)
    return LookModel(folder, config, card, runtime.start(device, "float32"))


class LookModel(StoredStyles):
    """A trained VAE of looks, ready to use. Made by ``load_look``.

    Attributes:
        name: of the model's folder.
        config: the network's shape.
        card: where the model comes from, as plain data.
        device: for people, e.g. "CPU (2 cores)".
        styles: the model's own, by name.
        checksum: SHA-256 of its weights.
    """

    def __init__(
        self,
        folder: Path,
        config: ModelConfig,
        card: dict[str, Any],
        sitting: runtime.Runtime,
    ):
        from vaenhance.model.look_inference import LookInference

        self.name = folder.resolve().name
        self.config = config
        self.card = card
        self.device = sitting.device
        size = config.latent_channels[0]
        self.checksum = checkpoint.weights_checksum(folder)
        self.styles: Mapping[str, Style] = load_styles(folder, size)
        self._inference = LookInference(folder, config, sitting)

    def encode(self, image: NDArray[Any], *, mend: bool = False) -> Pixels:
        """Returns the look of a photograph, the posterior mean, (D,) float32.

        Args:
            image: (H, W, 3) uint8, uint16, or float32 in [0, 1].
            mend: the look that it would have if it were a good photograph, instead
                of the one it has.

        Raises:
            UsageProblem: shape or type make no sense, or there are no pixels.
        """
        thumbnail = self._thumbnail(image)
        if mend:
            thumbnail = grading.unpowered(thumbnail, self._power(image, thumbnail))
        return self._inference.posterior(thumbnail[None], not mend)[0][0]

    def style(self, *images: NDArray[Any]) -> Style:
        """Returns the style of photographs: the mean of their looks and colours.

        Args:
            images: one or more, as for ``encode``.

        Raises:
            UsageProblem: as for ``encode``, or there is no image.
        """
        if not images:
            raise UsageProblem("a style needs at least one image")
        return grading_style.mean_style(
            [Style(self.encode(one), grading_style.measured(one)) for one in images]
        )

    def enhance(
        self,
        image: NDArray[Any],
        look: Asked = None,
        *,
        strength: float = 1.0,
        power: float | None = None,
        alpha: NDArray[Any] | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> NDArray[Any]:
        """Gives a photograph a look; what is seen in it stays where it is.

        Args:
            image: (H, W, 3) uint8, uint16, or float32 in [0, 1]. Memory stays bounded:
                it is computed strip by strip.
            look: (D,) from ``encode`` or ``sample``; or a ``Style``, whose colours are
                then matched too; None mends the light of the photograph itself.
            strength: 0 gives the input back exactly, 1 is the model's answer.
            power: log2 of an exponent that is taken back first, by ``strength``; None
                is that of ``power()`` where look is None, and 0 elsewhere.
            alpha: (H, W); pixels where it is 0 are changed with the others, but tell
                nothing of what is to be done.
            progress: called with the megapixels finished since the last call.

        Returns:
            The same shape and type, in [0, 1].

        Raises:
            UsageProblem: shape, type, strength, power or look make no sense.
        """
        check_input(self.name, _any_size(self.config), image, strength=strength)
        if strength == 0 or image.size == 0:
            return image.copy()
        check_alpha(alpha, image)
        judged = photo.seen_everywhere(image, alpha)
        thumbnail = self._thumbnail(judged)
        if power is None:
            power = self._power(judged, thumbnail) if look is None else 0.0
        del judged  # as large as the result, which is made next
        transform = self._powered(thumbnail, look, power, strength)
        told = progress or (lambda megapixels: None)
        return grading.apply(image, transform, strength, told)

    def power(self, image: NDArray[Any]) -> float:
        """Returns log2 of the exponent by which the gamma of a photograph was changed.

        0 where nothing is to be undone: of most photographs, and whenever that would
        more likely harm.

        Args:
            image: as for ``encode``.

        Raises:
            UsageProblem: as for ``encode``.
        """
        return self._power(image, self._thumbnail(image))

    def _power(self, image: NDArray[Any], thumbnail: Pixels) -> float:
        if not self.config.exponents:
            return 0.0
        patches = as_channels(cut_patches(image, self.config.image_size))
        largest = np.iinfo(image.dtype).max if image.dtype.kind == "u" else 1
        seen = np.clip(patches.astype(np.float32) / np.float32(largest), 0.0, 1.0)
        return self._inference.power(thumbnail, seen)

    def transform(
        self, image: NDArray[Any], look: Asked = None, *, power: float = 0.0
    ) -> Transform:
        """Returns the transform of ``enhance``, after ``power`` was taken back.

        Args:
            image: as for ``enhance``.
            look: as for ``enhance``.
            power: as for ``enhance``; none is found out.

        Raises:
            UsageProblem: as for ``enhance``.
        """
        return self._powered(self._thumbnail(image), look, power)

    def _powered(
        self, thumbnail: Pixels, look: Asked, power: float, strength: float = 1.0
    ) -> Transform:
        check_power(power)
        power *= strength
        found = self._transform(grading.unpowered(thumbnail, power), look)
        return dataclasses.replace(found, power=power) if power else found

    def _transform(self, thumbnail: Pixels, look: Asked) -> Transform:
        if isinstance(look, Style):
            check_colours(look.colours)
            found = self._decoded(thumbnail[None], look.look)
            return grading_style.matched(found, thumbnail, look.colours)
        return self._decoded(thumbnail[None], look)

    def _decoded(self, thumbnail: Pixels, look: Pixels | None) -> Transform:
        if look is None:
            look = self._inference.posterior(thumbnail, is_kept=False)[0][0]
        check_look(self.name, self.config.latent_channels[0], look)
        z = np.asarray(look, np.float32)[None]
        return self._inference.decode(z, thumbnail)[0]

    def interpolate(
        self,
        start: NDArray[Any],
        end: NDArray[Any],
        frames: int = 16,
        *,
        method: str = "linear",
        levels: Sequence[int] | None = None,
        label: str | None = None,
        tile: int | None = None,
        overlap: int | None = None,
    ) -> Iterator[NDArray[Any]]:
        """Yields a photograph with styles from its own to that of another one.

        Args:
            start: the photograph, as for ``enhance``.
            end: the other one, of any size.
            frames: how many, with both ends.
            method: ``linear``, or ``spherical``: along the arc between the two.
            levels: a look has one, 0; None stands for it, too.
            label: must be None: a look has no classes,
            tile: nor has it tiles: it is of the whole photograph.
            overlap: must be None.

        Raises:
            UsageProblem: as for ``encode``, or what a look does not have is given; at
                once, not with the first image.
        """
        check_styles_between(frames, method, levels, label, tile, overlap)
        ends = self.style(start), self.style(end)
        way = (
            grading_style.between(*ends, float(part), method)
            for part in np.linspace(0.0, 1.0, frames)
        )
        return (self.enhance(start, style) for style in way)

    def sample(self, count: int, *, temperature: float = 1.0, seed: int = 0) -> Pixels:
        """Draws looks from the prior, (count, D); look i is the same for any count.

        Args:
            count: how many, 0 or more.
            temperature: factor on the prior's standard deviation, 0 or more.
            seed: decides the looks, 0 or more.

        Raises:
            UsageProblem: one of them is not so.
        """
        check_whole("count", count)
        check_seed(seed)
        wild = np.float32(one_temperature(temperature))
        size = self.config.latent_channels[0]
        drawn = [
            np.random.default_rng([seed, index]).standard_normal(size, np.float32)
            for index in range(count)
        ]
        found = np.stack(drawn) if drawn else np.zeros((0, size), np.float32)
        return wild * found

    def _thumbnail(self, image: NDArray[Any]) -> Pixels:
        check_input(self.name, _any_size(self.config), image)
        if image.ndim != 3 or image.size == 0:
            raise UsageProblem(f"expected one image, received shape {image.shape}")
        return np.clip(thumbnails.thumbnail(image, self.config.image_size), 0.0, 1.0)


def _any_size(config: ModelConfig) -> ModelConfig:
    """The configuration as ``check_input`` should see it: thumbnails fit any size."""
    return dataclasses.replace(config, image_size=0)
