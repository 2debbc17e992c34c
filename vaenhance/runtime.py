"""Starting TensorFlow: its silence, the device, the precision, the strategy.

The only module that touches ``tf.config`` or TensorFlow's environment
variables. It knows nothing of models or images.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from vaenhance.errors import DeviceError
from vaenhance.runtime_quiet import silent_stderr, without_keras_home

PRECISIONS = ("float32", "bfloat16", "float16")


@dataclass(frozen=True)
class Runtime:
    """What a run computes on."""

    device: str  # for people, e.g. "CPU (2 cores)"
    device_name: str  # for tf.device, e.g. "/CPU:0"
    precision: str  # float32 | bfloat16 | float16: of the layers' arithmetic
    strategy: Any = None  # tf.distribute.Strategy, for training only
    workers: int = 1  # processes, usually machines, that train one model together
    worker: int = 0  # which of them this one is; the first writes the files

    @property
    def is_chief(self) -> bool:
        """Tells whether this process is the one that writes the model folder."""
        return self.worker == 0

    @property
    def replicas(self) -> int:
        """Returns how many devices share a batch, over all workers."""
        return int(self.strategy.num_replicas_in_sync) if self.strategy else 1

    @property
    def policy(self) -> str:
        """Returns the Keras dtype policy: float32 weights in any case."""
        return "float32" if self.precision == "float32" else f"mixed_{self.precision}"


def start(device: str = "auto", precision: str = "auto") -> Runtime:
    """Imports TensorFlow quietly and chooses device and precision.

    Args:
        device: ``auto``, ``cpu``, ``gpu`` or ``gpu:N``.
        precision: ``auto``, ``float32``, ``bfloat16`` or ``float16``.

    Raises:
        DeviceError: the device was asked for and is not there.
    """
    tf = import_tensorflow()
    name = _device_name(device, len(tf.config.list_physical_devices("GPU")))
    if precision == "auto":
        is_fast = has_fast_bfloat16() if name == "/CPU:0" else _gpu_has_bfloat16(name)
        precision = "bfloat16" if is_fast else "float32"
    elif precision not in PRECISIONS:
        raise DeviceError(f"precision must be auto or one of {', '.join(PRECISIONS)}")
    label = f"CPU ({_cores()} cores)" if name == "/CPU:0" else name.strip("/")
    return Runtime(label, name, precision)


def start_training(device: str = "auto", precision: str = "auto") -> Runtime:
    """Like ``start``, with a distribution strategy over all visible GPUs.

    ``TF_CONFIG`` in the environment (several machines) selects
    MultiWorkerMirroredStrategy; several GPUs MirroredStrategy.

    Raises:
        DeviceError: the device was asked for and is not there, or ``TF_CONFIG``
            does not say who this process is.
    """
    tf = import_tensorflow(for_training=True)
    place = cluster()
    if place is not None:
        return _start_worker(device, precision, *place)
    chosen = start(device, precision)
    gpus = tf.config.list_logical_devices("GPU")
    if device == "auto" and len(gpus) > 1:
        mirrored = tf.distribute.MirroredStrategy()
        return replace(chosen, device=f"{len(gpus)} GPUs", strategy=mirrored)
    one = tf.distribute.OneDeviceStrategy(chosen.device_name)
    return replace(chosen, strategy=one)


def cluster() -> tuple[int, int] | None:
    """Returns (workers, which one this is) from ``TF_CONFIG``, or None if alone.

    Raises:
        DeviceError: ``TF_CONFIG`` does not say who this process is.
    """
    text = os.environ.get("TF_CONFIG")
    if not text:
        return None
    try:
        config = json.loads(text)
        jobs = config.get("cluster", {})
        names = [(job, i) for job in ("chief", "worker") for i in _tasks(jobs, job)]
        if len(names) < 2:
            return None
        task = (config["task"]["type"], int(config["task"]["index"]))
        return len(names), names.index(task)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DeviceError(
            "TF_CONFIG must name the chief and workers of a cluster and which of "
            f"them this process is; it does not ({type(error).__name__}: {error})"
        ) from error


def _tasks(jobs: dict[str, Any], job: str) -> range:
    return range(len(jobs.get(job, ())))


def _start_worker(device: str, precision: str, workers: int, worker: int) -> Runtime:
    """Starts one of several processes that train a model together."""
    tf = import_tensorflow()
    if device.lower().startswith("gpu:"):
        raise DeviceError(
            f"--device {device}: with TF_CONFIG every worker uses all GPUs it sees; "
            "choose them with CUDA_VISIBLE_DEVICES"
        )
    if device.lower() == "cpu":
        tf.config.set_visible_devices([], "GPU")
    # Must exist before the first operation of the process.
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    chosen = start(device, precision)
    label = f"worker {worker + 1} of {workers}, {chosen.device}"
    return replace(
        chosen, device=label, strategy=strategy, workers=workers, worker=worker
    )


def make_deterministic() -> None:
    """Makes the same operations give the same bits, run after run."""
    tf = import_tensorflow()
    tf.config.experimental.enable_op_determinism()


def import_tensorflow(for_training: bool = False) -> Any:
    """Imports TensorFlow and Keras without a word on stdout or stderr.

    The user's ``~/.keras/keras.json`` and ``KERAS_BACKEND`` are overruled: they
    would change the backend, the numbers or the channel order of our models.

    Args:
        for_training: uses oneDNN, which TensorFlow leaves off on processors without
            AVX-512, unless ``TF_ENABLE_ONEDNN_OPTS`` says otherwise. Crops train
            faster with it, large tiles are not enhanced faster. Of no effect once
            TensorFlow is there.
    """
    os.environ["KERAS_BACKEND"] = "tensorflow"
    if "tensorflow" not in sys.modules:
        if for_training:
            os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        verbose = os.environ.get("VAENHANCE_TENSORFLOW_LOG") == "1"
        quietly = contextlib.nullcontext() if verbose else silent_stderr()
        with quietly, without_keras_home(), _postponed("requests"):
            _first_import()
    import keras
    import tensorflow as tf

    keras.config.set_floatx("float32")
    keras.config.set_epsilon(1e-7)
    keras.config.set_image_data_format("channels_last")
    keras.config.disable_interactive_logging()
    tf.get_logger().setLevel("ERROR")
    return tf


def _first_import() -> None:
    """Imports TensorFlow, takes stock of the GPUs, and runs a first operation.

    The C++ logger speaks at each of the three.
    """
    import keras  # noqa: F401  (imports TensorFlow, and has its own words)
    import tensorflow as tf

    for gpu in tf.config.list_physical_devices("GPU"):
        # Else TensorFlow takes the whole GPU; only possible before the first
        # operation of the process.
        with contextlib.suppress(RuntimeError):
            tf.config.experimental.set_memory_growth(gpu, True)
    if "TF_CONFIG" not in os.environ:  # a strategy of several machines comes first
        tf.zeros(())


def has_fast_bfloat16() -> bool:
    """Tells whether this processor multiplies bfloat16 matrices in hardware."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def _gpu_has_bfloat16(name: str) -> bool:
    """Tells whether a GPU has bfloat16 units: NVIDIA's do since Ampere (8.0)."""
    tf = import_tensorflow()
    gpu = tf.config.list_physical_devices("GPU")[int(name.rpartition(":")[2])]
    details = tf.config.experimental.get_device_details(gpu)
    return tuple(details.get("compute_capability") or (8, 0)) >= (8, 0)


def describe() -> dict[str, Any]:
    """Returns what ``vaenhance info`` shows of this machine."""
    tf = import_tensorflow()
    gpus = [gpu.name for gpu in tf.config.list_physical_devices("GPU")]
    built = tf.sysconfig.get_build_info()
    reason = ""
    if not gpus:
        wanted = built.get("cuda_version")
        reason = (
            f"no GPU visible to TensorFlow (needs a driver and CUDA {wanted}: "
            'pip install "vaenhance[cuda]")'
            if wanted
            else "this TensorFlow is built without GPU support"
        )
    return {
        "devices": [f"CPU ({_cores()} cores)", *gpus],
        "gpu_reason": reason,
        "auto_precision": start().precision,
        "fast_bfloat16": has_fast_bfloat16(),
    }


def _device_name(device: str, gpus: int) -> str:
    kind, _, number = device.lower().partition(":")
    if kind == "cpu" or (kind == "auto" and not gpus):
        return "/CPU:0"
    if kind not in ("auto", "gpu") or (number and not number.isdigit()):
        raise DeviceError(f"--device must be auto, cpu, gpu or gpu:N, not {device!r}")
    index = int(number or 0)
    if index >= gpus:
        raise DeviceError(
            f"--device {device} was asked for, but TensorFlow sees {gpus} GPUs. "
            'Install the CUDA libraries (pip install "vaenhance[cuda]") and a driver, '
            "or run on the CPU (--device cpu); vaenhance info shows what is visible."
        )
    return f"/GPU:{index}"


@contextlib.contextmanager
def _postponed(name: str) -> Iterator[None]:
    """Lets libraries import a package without its being loaded before it is used.

    Keras and TensorFlow import ``requests`` for a callback that nobody uses here, and
    urllib3, which comes with it, opens a socket to see whether there is IPv6.
    """
    if name in sys.modules or importlib.util.find_spec(name) is None:
        yield
        return
    stand_in = ModuleType(name)

    def load(attribute: str) -> Any:
        if attribute.startswith("__"):  # those who only look through all modules
            raise AttributeError(attribute)
        if sys.modules.get(name) is stand_in:
            del sys.modules[name]
        return getattr(importlib.import_module(name), attribute)

    stand_in.__getattr__ = load  # type: ignore[method-assign]
    sys.modules[name] = stand_in
    try:
        yield
    finally:
        if sys.modules.get(name) is stand_in:
            del sys.modules[name]


def _cores() -> int:
    return (
        len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else (os.cpu_count() or 1)
    )
