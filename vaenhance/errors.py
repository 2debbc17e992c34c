"""The errors a user can cause, each with the exit code it deserves.

Not for bugs: anything else that is raised is ours, and ends with a traceback
under ``-v``.
"""

from __future__ import annotations


class VaenhanceError(Exception):
    """Something failed in a way that one clear line can explain."""

    exit_code = 1


class UsageProblem(VaenhanceError):
    """Nothing was done: arguments, configuration, model or device are wrong."""

    exit_code = 2


class Misfit(UsageProblem):
    """An image is not what the settings or the model are for; others may be."""


class ConfigError(UsageProblem):
    """A configuration has an unknown key, a wrong type or an impossible value."""


class ModelError(UsageProblem):
    """A model folder is missing, damaged or not one of ours."""


class DeviceError(UsageProblem):
    """The device or precision that was asked for is not available."""


class LatentError(UsageProblem):
    """A file of latents is damaged, of a newer version or of another model."""


class PhotoError(VaenhanceError):
    """One image cannot be read or written; the message is the reason alone."""


class TargetTaken(PhotoError):
    """A file has come to be there that is not to be replaced."""


class OutOfMemory(VaenhanceError):
    """Even the smallest tile does not fit into memory."""


class NotFinite(VaenhanceError):
    """A network has given NaN or infinity, in float32 as well."""
