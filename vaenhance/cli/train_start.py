"""What a training run starts from: nothing, a model's weights, or a whole model.

``--init`` and ``--prior`` name a model; what follows for the settings is here.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import click

from vaenhance.config import Config, named_preset
from vaenhance.config.teaching import taught, untaught
from vaenhance.errors import UsageProblem

PRIOR_STEPS = 3000
PRIOR_WIDTH = 48  # channels
# What fitting a prior sets in place of the model's own.
_OBJECTIVE = {"beta": 1.0, "beta_warmup": 0.0, "free_bits": 0.0, "mean_path": 0.0}
_KINDS = ("noise", "jpeg", "camera", "soft", "grain", "noise_known")
_DEGRADATION = {"clean": 1.0, **dict.fromkeys(_KINDS, 0.0)}


@dataclass(frozen=True)
class Start:
    """Where weights come from.

    Attributes:
        folder: of the model; None for random weights.
        settings: those to begin with; None leaves it to the preset.
        teachers: model folders to learn from as well.
        is_prior: whether the prior alone is trained.
    """

    folder: Path | None = None
    settings: Config | None = None
    teachers: tuple[Path, ...] = ()
    is_prior: bool = False

    @property
    def is_tuning(self) -> bool:
        """Whether a model is to learn from other images, with its own settings."""
        return self.settings is not None and not self.is_prior

    def adapted(self, settings: Config) -> Config:
        """Returns settings to begin with as they are where others teach."""
        if not self.teachers or settings.objective.teacher:
            return settings
        return settings.replace(objective=taught(settings.objective))


def find(
    init: str | None,
    prior: str | None,
    preset: str | None,
    teachers: tuple[str, ...] = (),
) -> Start:
    """Reads the options.

    Raises:
        ModelError: there is no such model.
        UsageError: two of them contradict each other.
    """
    if prior is None and init is None and not teachers:
        return Start()
    if prior is not None and (init is not None or preset is not None):
        raise click.UsageError("--prior goes with neither --init nor --preset.")
    if prior is not None and teachers:
        raise click.UsageError("--prior goes without --teacher: x alone is learnt.")
    from vaenhance.checkpoint import find_model, load_config

    known = tuple(find_model(name) for name in teachers)
    if prior is None and init is None:
        return Start(teachers=known)
    folder = find_model(prior or init or "")
    if prior is not None:
        return Start(folder, _of_prior(load_config(folder)), is_prior=True)
    settings = _fine_tuning(load_config(folder)) if preset is None else None
    return Start(folder, settings, known)


def check(start: Start, settings: Config) -> None:
    """Refuses settings that do not fit the start.

    Raises:
        UsageProblem: the prior alone is to be trained, but of no model; the file of
            settings changes the network that is to stay as it is; or there is nobody
            to teach, or nothing of which a part could be trained alone.
    """
    if settings.objective.teacher and start.folder is None and not start.teachers:
        raise UsageProblem(
            "objective.teacher is the model that training starts from, or another: "
            "name one by --init or --teacher"
        )
    check_teachers(start, settings)
    if settings.training.only_exponent and start.folder is None:
        raise UsageProblem(
            "training.only_exponent trains a part of a model that is there: name one "
            "by --init"
        )
    if settings.training.only_prior != start.is_prior:
        raise UsageProblem(
            "training.only_prior and --prior MODEL go together: give both or none"
        )
    if start.settings is None or not start.is_prior:
        return
    fitted = {"prior_width": 0, "prior_blocks": 0, "prior_steps": 0}
    before, now = (c.replace(model=fitted).model for c in (start.settings, settings))
    if before != now or not settings.model.prior_width:
        raise UsageProblem(
            "--prior keeps the model's network: of [model] only prior_width (not 0), "
            "prior_blocks and prior_steps may be set"
        )


def check_teachers(start: Start, settings: Config) -> None:
    """Refuses teachers that do not fit the run, or that are not listened to.

    Raises:
        UsageProblem: names the first.
    """
    if not start.teachers:
        return
    if not settings.objective.teacher:
        raise UsageProblem("--teacher needs objective.teacher above 0: it is set to 0")
    from vaenhance.workflows import teachers

    teachers.check_teachers(start.teachers, settings)


def _fine_tuning(trained: Config) -> Config:
    """Returns a model's settings for a new run: shorter, gentler, unnamed.

    What suited the machine and the sitting that made the model is not taken over.
    """
    fresh = Config().training
    if trained.training.only_exponent:  # the objective of its last stage is of a part
        plan = named_preset("look")
        objective, look = asdict(plan.objective), asdict(plan.look)
        trained = trained.replace(objective=objective, look=look)
    if trained.training.only_prior:
        trained = _whole(trained)
    is_ladder = trained.model.network == "ladder"
    return trained.replace(
        # The new folder has its own classes.
        model={"classes": ()},
        # Nor does a teacher know anything of it.
        objective=untaught(trained.objective),
        training={
            "steps": fresh.steps,
            "minutes": 0.0,
            "learning_rate": trained.training.learning_rate / 4,
            "only_prior": False,
            "only_exponent": False,
            # Small networks are no faster in half precision.
            "precision": fresh.precision if is_ladder else trained.training.precision,
            "deterministic": fresh.deterministic,
            "checkpoint_minutes": fresh.checkpoint_minutes,
            "checkpoint_steps": fresh.checkpoint_steps,
            "seed": fresh.seed,
        },
        adversarial={"weight": 0.0},
        card={"title": "", "purpose": "", "data": "", "sources": (), "limits": ""},
    )


def _whole(fitted: Config) -> Config:
    """Returns the settings of a model whose prior was fitted, for training all of it.

    What its own objective and damage were before is not kept: those of a preset stand
    for them, of ``generate`` for what draws and of ``restore`` for what enhances.
    """
    model = fitted.model
    is_drawing = model.image_size or model.likelihood != "gaussian"
    plan = named_preset("generate" if is_drawing else "restore")
    return fitted.replace(
        objective={name: getattr(plan.objective, name) for name in _OBJECTIVE},
        degradation={name: getattr(plan.degradation, name) for name in _DEGRADATION},
        data={"labels": plan.data.labels or bool(model.classes)},
    )


def _of_prior(trained: Config) -> Config:
    """Returns a model's settings for fitting its prior to clean images.

    What is minimised is KL(q ‖ p) itself: beta 1 from the first step, nothing free.
    """
    model = trained.model
    own = {
        "prior_width": model.prior_width or PRIOR_WIDTH,
        # A decoder that has learnt no classes cannot be told: the prior can.
        "class_scope": model.class_scope if model.classes else "prior",
    }
    return trained.replace(
        model=own,
        objective={**untaught(trained.objective), **_OBJECTIVE},
        data={"labels": True},
        degradation=_DEGRADATION,
        adversarial={"weight": 0.0},
        training={
            "steps": PRIOR_STEPS,
            "minutes": 0.0,
            "only_prior": True,
            "warmup_steps": 100,
            "revive": 0,  # for what the prior is not part of
            "revive_latents": False,
        },
    )
