"""How ``decode`` writes images, and with which model: settled before one is loaded."""

from __future__ import annotations

from dataclasses import dataclass, replace

from vaenhance import checkpoint
from vaenhance.api_inputs import class_number
from vaenhance.errors import LatentError, UsageProblem
from vaenhance.latents import LatentReader
from vaenhance.workflows.enlarging import Enlargement, model_for


@dataclass(frozen=True)
class DecodeSettings:
    """How every image of a run is written."""

    quality: int | None = None  # 1 to 100; None is 95
    strip_metadata: bool = False
    max_megapixels: float = 512.0
    fail_fast: bool = False
    label: str | None = None  # class of all images; None tells none
    enlargement: Enlargement | None = None  # None: the size that was encoded


def choose_model(reader: LatentReader, model: str | None) -> str:
    """Returns the model to decode with, once its weights are the right ones.

    Args:
        reader: the latents.
        model: a name or folder; None takes the one that the latents name.

    Raises:
        UsageProblem: they are not.
    """
    origin = reader.origin
    if model is None and origin.model not in checkpoint.builtin_models():
        raise UsageProblem(
            f"{reader.name} holds latents of a model called {origin.model}: "
            "give its folder with --model"
        )
    chosen = model or origin.model
    checksum = checkpoint.weights_checksum(checkpoint.find_model(chosen))
    if checksum != origin.checksum:
        raise LatentError(
            f"{reader.name} holds latents of another model: of {origin.model} with "
            f"weights {origin.checksum[:12]}, while {chosen} has {checksum[:12]}"
        )
    return chosen


def check_images(reader: LatentReader) -> None:
    """Refuses latents that no image can be made of.

    Raises:
        LatentError: there is one vector an image.
    """
    if reader.content == "vectors":
        raise LatentError(
            f"{reader.name} holds one vector an image, which cannot be decoded: encode "
            "without --pool; looks want a photograph, with --apply"
        )


def completed(
    settings: DecodeSettings, reader: LatentReader, model: str
) -> DecodeSettings:
    """Returns the settings with what the file and its model say.

    Args:
        settings: as asked for.
        reader: the latents; a class that was told of them is told again.
        model: to decode with. If it only enlarges, its first scale is that of the
            images where none was asked for.

    Raises:
        UsageProblem: it does not enlarge, or not so much.
        LatentError: it does not know the class of the file.
    """
    name, config = checkpoint.named_config(model)
    label = settings.label
    if label is None and reader.label is not None:
        label = reader.label
        try:
            class_number(name, config.classes, label)
        except UsageProblem as error:
            raise LatentError(f"{reader.name}: {error}") from error
    wanted = settings.enlargement
    if wanted is None and config.scales[0] > 1:
        wanted = Enlargement(scale=config.scales[0])
    if wanted is not None:
        _, wanted = model_for(model, wanted)
    return replace(settings, label=label, enlargement=wanted)
