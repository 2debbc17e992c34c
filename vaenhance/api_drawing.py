"""Drawing new images from the prior, of classes too; base of ``api.Model``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaenhance.api_inputs import UNTOLD, check_class, check_input, class_number
from vaenhance.api_likelihood import MOST_PIXELS, MOST_ROWS
from vaenhance.api_numbers import check_seed, check_whole, temperatures, whole_size
from vaenhance.config import ModelConfig, stride
from vaenhance.errors import OutOfMemory, UsageProblem
from vaenhance.tiling import to_float

Pixels = NDArray[np.float32]

MOST_DRAWN = 1 << 40  # pixels; far more than memory holds, and arrays can have them


class Drawing:
    """Draws from p(z) and p(z | class), and one image as another class.

    Attributes:
        name: of the model.
        config: the network's shape.
    """

    name: str
    config: ModelConfig
    _inference: Any

    @property
    def classes(self) -> tuple[str, ...]:
        """Returns the names of the classes; none if the model knows none."""
        return self.config.classes

    def sample(
        self,
        count: int,
        *,
        size: tuple[int, int] | None = None,
        temperature: float | Sequence[float] = 1.0,
        seed: int = 0,
        label: str | Sequence[str] | None = None,
    ) -> Pixels:
        """Draws new images: z from the prior, level by level, then decoded.

        Image i of a seed is the same whatever the count.

        Args:
            count: how many.
            size: (height, width), pixels; default 128 × 128, or the model's own.
            temperature: factor on the prior's standard deviation, or one for each
                level, coarse to fine.
            seed: decides the images.
            label: class, or classes that take turns; None takes all in turn.

        Returns:
            (count, H, W, C) float32, clipped to [0, 1].

        Raises:
            UsageProblem: the model draws only one size, and it is another; it has
                another number of levels; it does not know the class; or a number
                makes no sense, such as a size or a seed below 0.
        """
        images = list(
            self.samples(
                count, size=size, temperature=temperature, seed=seed, label=label
            )
        )
        height, width = self._drawn_size(size)
        empty = np.zeros((0, height, width, self.config.channels), np.float32)
        return np.stack(images) if images else empty

    def samples(
        self,
        count: int,
        *,
        size: tuple[int, int] | None = None,
        temperature: float | Sequence[float] = 1.0,
        seed: int = 0,
        label: str | Sequence[str] | None = None,
    ) -> Iterator[Pixels]:
        """Yields what ``sample`` returns image by image, (H, W, C) each.

        Memory holds one of them, whatever the count. Arguments and errors are those
        of ``sample``; the errors come at once, not with the first image.
        """
        height, width = self._drawn_size(size)
        check_whole("count", count)
        check_seed(seed)
        labels = class_numbers(self.name, self.classes, label)
        # The network counts in pixels of y.
        times = self.config.scales[0]
        step = stride(self.config) * times
        padded = [-(-n // step) * step // times for n in (height, width)]
        shapes = self._inference.latent_shapes(*padded)
        factors = level_temperatures(self.name, len(shapes), temperature)

        def draw(index: int) -> Pixels:
            rng = np.random.default_rng([seed, index])
            try:
                noise = [
                    np.float32(factor) * rng.standard_normal((1, *s), np.float32)
                    for factor, s in zip(factors, shapes, strict=True)
                ]
            except MemoryError as error:
                raise OutOfMemory(
                    f"out of memory: {width}x{height} pixels are too many to draw"
                ) from error
            chosen = labels[index % len(labels)]
            drawn = self._inference.draw(noise, *padded, chosen)
            return np.clip(drawn[0, :height, :width], 0.0, 1.0)

        return (draw(index) for index in range(count))

    def _drawn_size(self, size: tuple[int, int] | None) -> tuple[int, int]:
        own = self.config.image_size
        if size is None:
            size = (own, own) if own else (128, 128)
        height, width = whole_size("a drawn image", size)
        if height * width > MOST_DRAWN:
            raise UsageProblem(f"{width}x{height} pixels are too many to draw")
        if own and (height, width) != (own, own):
            raise UsageProblem(
                f"model {self.name} draws images of {own}x{own} pixels only, "
                f"not {width}x{height}"
            )
        return height, width

    def label_of(self, name: str | None) -> int:
        """Returns the number of a class, −1 for None.

        Raises:
            UsageProblem: the model does not know it.
        """
        return class_number(self.name, self.classes, name)

    def redraw(
        self,
        image: NDArray[Any],
        label: str,
        *,
        source: str | None = None,
        kept: int | None = None,
    ) -> Pixels:
        """Draws images anew in the style of another class: the same hand, another 7.

        The noise that the image's own class would have needed for it is kept in the
        coarsest levels and given to the other class; finer levels take the mean of
        the prior that follows from it.

        Args:
            image: (H, W, C) or (B, H, W, C) of the model's own size; uint8, uint16, or
                float32 in [0, 1].
            label: the class.
            source: the image's own class; None takes the likeliest.
            kept: how many levels, from the coarsest, keep their noise, 0 to all;
                None keeps all but the finest.

        Returns:
            The shape of the image, clipped to [0, 1].

        Raises:
            UsageProblem: the model does not know a class, has not so many levels,
                or draws any size.
        """
        target = check_class(self.name, self.config, label)
        told = None if source is None else self.label_of(source)
        check_input(self.name, self.config, image)
        batch = to_float(image if image.ndim == 4 else image[None])
        levels = len(self.config.widths)
        kept = levels - 1 if kept is None else kept
        check_whole("kept", kept)
        if kept > levels:
            raise UsageProblem(
                f"model {self.name} has {levels} levels: kept must be 0 to {levels}, "
                f"received {kept}"
            )
        if not len(batch):
            return batch
        drawn = []
        for y in batch:
            own = self._likeliest(y) if told is None else told
            noise, _ = self._inference.abduct(y[None], None, [own])
            noise = [
                z if level < kept else np.zeros_like(z) for level, z in enumerate(noise)
            ]
            drawn.append(self._inference.draw(noise, *y.shape[:2], target)[0])
        result = np.clip(np.stack(drawn), 0.0, 1.0)
        return result if image.ndim == 4 else result[0]

    def _likeliest(self, y: Pixels) -> int:
        """Returns the class under which an image is likeliest."""
        # So many at once that memory does not grow with the classes.
        group = max(1, min(MOST_ROWS, MOST_PIXELS // (y.shape[0] * y.shape[1])))
        found: list[float] = []
        for start in range(0, len(self.classes), group):
            labels = range(start, min(start + group, len(self.classes)))
            batch = np.repeat(y[None], len(labels), axis=0)
            found += self._inference.abduct(batch, None, labels)[1].tolist()
        return int(np.argmax(found))


def class_numbers(
    model: str, classes: Sequence[str], label: str | Sequence[str] | None
) -> list[int]:
    """Returns the numbers of the classes that take turns; see ``Drawing.sample``.

    Raises:
        UsageProblem: the model does not know one of them.
    """
    if isinstance(label, str) or not isinstance(label, Iterable | None):
        names: Sequence[str] = [label]  # '' is a name, too, if of no class
    else:
        names = label or ()
    if not names:
        return list(range(len(classes))) or [UNTOLD]
    return [class_number(model, classes, name) for name in names]


def level_temperatures(
    model: str, levels: int, temperature: float | Sequence[float]
) -> list[float]:
    """Returns the temperature of every level, coarse to fine.

    Raises:
        UsageProblem: there are several, but not one for each level; or one is no
            finite number of 0 or more.
    """
    given = temperatures(temperature)
    if len(given) == 1:
        return given * levels
    if len(given) != levels:
        raise UsageProblem(
            f"model {model} has {levels} levels, coarse to fine: give one temperature "
            f"or {levels}, not {len(given)}"
        )
    return given
