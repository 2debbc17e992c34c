"""The commands that are killed: how each is started, and what must be left.

Not for killing: faults_kill does.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import h5py
from faults_files import checksums

from vaenhance import checkpoint
from vaenhance.checkpoint_files import digest

STEPS = 60
DAMAGED = "damaged"
_MODEL = {
    "ladder": """
[model]
widths = [8, 12]
encoder_blocks = [1, 1]
decoder_blocks = [1, 1]
latent_channels = [4, 4]
noise_map = true
[data]
crop = 16
[degradation]
clean = 0.1
noise = 0.8
jpeg = 0.3
""",
    "mlp": """
[model]
network = "mlp"
likelihood = "bernoulli"
channels = 1
latent_channels = [2]
image_size = 8
hidden = [16]
hidden_decoder = [16]
[data]
crop = 8
whole = true
flip = false
""",
}
_RUN = f"""
[training]
batch = 4
steps = {STEPS}
warmup_steps = 2
precision = "float32"
checkpoint_steps = 10
"""
_COMPUTE = ["--device", "cpu", "--precision", "float32"]


@dataclass(frozen=True)
class Command(ABC):
    """A command over one folder of photographs; the target is a file or a folder."""

    source: Path
    model: Path  # or the file of settings
    name = ""
    stream = "stdout"  # the pipe that somebody may close
    refuses_what_exists = False  # instead of passing it over

    @abstractmethod
    def words(self, target: Path) -> list[str]:
        """Returns what is typed behind ``vaenhance``."""

    def left(self, target: Path) -> dict[str, str]:
        """Returns what is there, by name, as checksums; hidden files included."""
        return checksums(target.parent)

    def damage(self, left: Mapping[str, str], wanted: Mapping[str, str]) -> list[str]:
        """Names the files that are there and are not what they are to be."""
        return [
            f"{name} differs"
            for name, checksum in left.items()
            if not is_hidden(name) and wanted.get(name) != checksum
        ]


class Enhance(Command):
    """A folder into a folder: goes on where it was stopped."""

    name = "enhance"

    def words(self, target: Path) -> list[str]:
        """Returns what is typed behind ``vaenhance``."""
        model = ["-m", str(self.model), *_COMPUTE, "--json", "-q"]
        return ["enhance", str(self.source), str(target), *model]


class Copy(Enhance):
    """Enhance with strength 0, which needs no model: most of its life it writes."""

    name = "enhance --strength 0"

    def words(self, target: Path) -> list[str]:
        """Returns what is typed behind ``vaenhance``."""
        return [*super().words(target), "--strength", "0"]


class Encode(Command):
    """A folder into a file, which is there as a whole or not at all."""

    name = "encode"
    refuses_what_exists = True

    def words(self, target: Path) -> list[str]:
        """Returns what is typed behind ``vaenhance``."""
        model = ["-m", str(self.model), *_COMPUTE, "--json", "-q"]
        return ["encode", str(self.source), f"{target}.npz", *model]


class Train(Command):
    """A training run: goes on from its last checkpoint."""

    name = "train"
    stream = "stderr"  # it writes nothing else

    def words(self, target: Path) -> list[str]:
        """Returns what is typed behind ``vaenhance``."""
        settings = ["--config", str(self.model), "--device", "cpu"]
        return ["train", str(self.source), str(target), *settings]

    def left(self, target: Path) -> dict[str, str]:
        """Returns the numbers of the last state and the model's bytes.

        The other files hold times, which differ; they must be whole.
        """
        found = checksums(target) if target.exists() else {}
        kept = {n: c for n, c in found.items() if is_hidden(n)}
        for name in (checkpoint.STATE, checkpoint.WEIGHTS):
            if name in found:
                kept[name] = _numbers(target / name)
        before = checkpoint.PREVIOUS_STATE  # of which step depends on the signals
        if before in found and _numbers(target / before) == DAMAGED:
            kept[before] = DAMAGED
        for name in (checkpoint.CARD, checkpoint.CONFIG):
            if name in found:
                json.loads((target / name).read_text())
        return kept

    def damage(self, left: Mapping[str, str], wanted: Mapping[str, str]) -> list[str]:
        """Names what is not whole; what is whole may be of an earlier step."""
        return [f"{n} is damaged" for n, value in left.items() if value == DAMAGED]


def _numbers(path: Path) -> str:
    """Returns the checksum of all arrays of a file, if they are what it says."""
    arrays: dict[str, object] = {}

    def visit(name: str, node: object) -> None:
        if isinstance(node, h5py.Dataset):
            arrays[name] = node[()]

    try:
        with h5py.File(path) as file:
            file.visititems(visit)
            said, progress = file.attrs["sha256"], file.attrs.get("progress", "")
    except (OSError, KeyError, RuntimeError):
        return DAMAGED
    if path.name == checkpoint.WEIGHTS:
        arrays = {name.removeprefix("weights/"): v for name, v in arrays.items()}
    return digest(arrays) if digest(arrays, progress) == said else DAMAGED


def settings(network: str) -> str:
    """Returns what ``train`` is given, as TOML; of ladder, or of mlp, the quicker."""
    return _MODEL[network].replace("[data]", "[data]\nvalidation_images = 1") + _RUN


def is_hidden(name: str) -> bool:
    """Tells a temporary file from what was asked for."""
    return any(part.startswith(".") for part in Path(name).parts)
