"""Light and style as steps around the photo model, for ``enhance``.

    light  →  photo (noise, JPEG)  →  style

Light comes first: what it makes visible in the dark, the photo model has learnt to
see as noise. Style comes last: what it wants, nothing takes away again. Between the
steps pixels have 16 bits, so that dark ones are not rounded before they are raised.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from vaenhance import photo
from vaenhance.checkpoint import find_model
from vaenhance.checkpoint_styles import style_names
from vaenhance.data.discover import find_images
from vaenhance.data.reachable import is_folder, is_there
from vaenhance.errors import PhotoError, UsageProblem
from vaenhance.grading_style import Style, mean_style
from vaenhance.workflows.gray import GrayModel, is_gray
from vaenhance.workflows.sources import refuse_empty


@dataclass(frozen=True)
class GradeSettings:
    """What is done to light and style."""

    light: float = 0.0  # 0 leaves the light as it is, 1 is the model's answer
    style: tuple[str, ...] = ()  # names, images and folders: their mean
    style_strength: float = 1.0
    model: str = "look"

    @property
    def does_anything(self) -> bool:
        """Tells whether pixels may change."""
        return self.light > 0 or self.has_style

    @property
    def has_style(self) -> bool:
        """Tells whether a style is given."""
        return bool(self.style) and self.style_strength > 0


class PhotoModel(Protocol):
    """What is needed of ``api.Model``."""

    @property
    def device(self) -> str:
        """Returns the device, in words."""

    @property
    def precision(self) -> str:
        """Returns the arithmetic."""

    def enhance(
        self,
        image: NDArray[Any],
        *,
        size: tuple[int, int] | None = None,
        consistent: bool = False,
        strength: float = 1.0,
        noise_sigma: float | None = None,
        label: str | None = None,
        tile: int | None = None,
        overlap: int | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> NDArray[Any]:
        """Enhances one image, (H, W, 3) uint8 or uint16, into the same type."""


class LookModel(Protocol):
    """What is needed of ``api_look.LookModel``."""

    @property
    def device(self) -> str:
        """Returns the device, in words."""

    @property
    def styles(self) -> Mapping[str, Style]:
        """Returns styles by name."""

    def style(self, *images: NDArray[Any]) -> Style:
        """Returns the style of photographs."""

    def stored_style(self, path: Path) -> Style:
        """Returns the mean of the styles in a file of them."""

    def enhance(
        self,
        image: NDArray[Any],
        look: Style | None = None,
        *,
        strength: float = 1.0,
        alpha: NDArray[Any] | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> NDArray[Any]:
        """Gives a photograph a style; its own good look for None."""


@dataclass(frozen=True)
class Reference:
    """One style that was asked for: a name of the model's, images, or a file."""

    name: str
    images: tuple[Path, ...] = ()
    styles: Path | None = None  # a file of them


def find_references(settings: GradeSettings) -> list[Reference]:
    """Finds what ``style`` stands for, before any model is loaded.

    A name of the model's goes before a file; ``./name`` is always the file.

    Raises:
        UsageProblem: one is neither a name nor an image nor a folder with images.
        ModelError: there is no such model.
    """
    if not settings.does_anything:
        return []
    names = style_names(find_model(settings.model))  # also: is there a model?
    return [_reference(given, names) for given in settings.style]


def _reference(given: str, names: Sequence[str]) -> Reference:
    refuse_empty(given, what="--style")
    if given in names:
        return Reference(given)
    path = Path(given)
    if is_folder(path):
        images = tuple(find_images(path))
        if images:
            return Reference(given, images)
        raise UsageProblem(f"--style {given}: there is no image in this folder")
    if is_there(path) and path.suffix.lower() == ".npz":
        return Reference(given, styles=path)
    if is_there(path):
        return Reference(given, (path,))
    known = ", ".join(names) or "none"
    raise UsageProblem(
        f"--style {given} is neither an image nor a folder, nor a style of the model "
        f"({known})"
    )


def read_style(
    model: LookModel,
    references: Sequence[Reference],
    max_megapixels: float = 512.0,
) -> Style:
    """Returns the mean of the references' styles.

    Raises:
        UsageProblem: an image cannot be read, or is larger than the limit.
    """
    return mean_style([_referred(model, one, max_megapixels) for one in references])


def _referred(model: LookModel, reference: Reference, limit: float) -> Style:
    if reference.styles is not None:
        return model.stored_style(reference.styles)
    if not reference.images:
        return model.styles[reference.name]
    # One by one: a folder's photographs need not be in memory together.
    return mean_style([_style_of(model, path, limit) for path in reference.images])


def _style_of(model: LookModel, path: Path, limit: float) -> Style:
    try:
        read = photo.read_photo(path, max_megapixels=limit)
    except PhotoError as error:
        raise UsageProblem(f"--style {path}: {error}") from error
    pixels = photo.to_eight_bits(read.pixels)
    return model.style(photo.seen_everywhere(pixels, read.alpha))


class Graded:
    """A photo model with light before it and style behind it; asked as that is.

    Args:
        inner: the photo model; None for light and style alone.
        model: of looks.
        settings: what is done.
        style: that is given; None for none.
    """

    alpha: NDArray[Any] | None = None  # (H, W) of the photograph that is being done

    def __init__(
        self,
        inner: PhotoModel | None,
        model: LookModel,
        settings: GradeSettings,
        style: Style | None,
    ) -> None:
        self.inner, self.model = inner, model
        self.settings, self.style = settings, style
        self.device = (inner or model).device
        self.precision = inner.precision if inner else "float32"

    def judging(self, alpha: NDArray[Any] | None) -> Graded:
        """Returns the same for one photograph: judged by what alpha lets be seen."""
        other = copy.copy(self)
        other.alpha = alpha
        return other

    def enhance(
        self, image: NDArray[Any], *, strength: float = 1.0, **rest: Any
    ) -> NDArray[Any]:
        """Enhances one image, (H, W, 3) uint8 or uint16, into the same type.

        Args:
            image: pixels.
            strength: of the photo model; 0 leaves it out, unless it is to enlarge.
            rest: for the photo model.
        """
        pixels = self._lit(image)
        if self.inner is not None and (strength > 0 or rest.get("size")):
            pixels = self.inner.enhance(pixels, strength=strength, **rest)
        return self._styled(pixels, image.dtype)

    def draw(self, image: NDArray[Any], number: int = 0, **rest: Any) -> NDArray[Any]:
        """Returns what ``enhance`` would, of a draw of the photo model."""
        drawn = self._explorer.draw(self._lit(image), number, **rest)
        return self._styled(drawn, image.dtype)

    def assess(self, image: NDArray[Any], **rest: Any) -> Any:
        """Enhances an image and says how far off it may be; not with a style.

        σ is that of the photo model's answer in the new light.
        """
        found = self._explorer.assess(self._lit(image), **rest)
        return replace(found, image=self._styled(found.image, image.dtype))

    def calibration(self) -> Any:
        """Raises ModelError where the photo model has none."""
        return self._explorer.calibration()

    @property
    def _explorer(self) -> Any:
        assert self.inner is not None  # the command refuses to explore without
        return self.inner

    def _lit(self, image: NDArray[Any]) -> NDArray[Any]:
        pixels = _deep(image)
        if self.settings.light > 0:
            light = self.settings.light
            pixels = self.model.enhance(pixels, strength=light, alpha=self.alpha)
            # Rounding leaves up to 3 of 65535 between the colours of a gray one.
            if isinstance(self.inner, GrayModel) and is_gray(image):
                pixels = np.repeat(photo.to_gray(pixels)[..., None], 3, axis=-1)
        return pixels

    def _styled(self, pixels: NDArray[Any], dtype: np.dtype) -> NDArray[Any]:
        if self.style is not None:
            strength, alpha = self.settings.style_strength, self.alpha
            if alpha is not None and alpha.shape != pixels.shape[:2]:  # enlarged
                alpha = photo.alpha_of_size(alpha, pixels.shape[:2])
            pixels = self.model.enhance(
                pixels, self.style, strength=strength, alpha=alpha
            )
        return photo.to_eight_bits(pixels) if dtype == np.uint8 else pixels


def judging(model: PhotoModel, alpha: NDArray[Any] | None) -> PhotoModel:
    """Returns what judges a photograph of this alpha; a model that judges none itself.

    Args:
        model: maybe a ``Graded``.
        alpha: (H, W) of the photograph; None for none.
    """
    return model.judging(alpha) if isinstance(model, Graded) else model


def _deep(image: NDArray[Any]) -> NDArray[Any]:
    """Returns 8-bit pixels with 16 bits; 255 becomes 65535."""
    if image.dtype != np.uint8:
        return image
    return image.astype(np.uint16) * np.uint16(257)
