"""What changes over a run: learning rate, weight of the KL, decay of the average.

Plain numbers of plain numbers, so that every worker and every sitting of a run
computes the same. No state and no clock in here.
"""

from __future__ import annotations

import math
from typing import Any

import tensorflow as tf

from vaenhance.config import Config


def learning_rate(config: Config, number: int, progress: float) -> float:
    """Returns the learning rate: linear warm-up, then a half cosine.

    Args:
        config: peak, end and warm-up.
        number: of the step, from 0.
        progress: part of the run that is done, 0..1.
    """
    plan = config.training
    rise = min(1.0, (number + 1) / max(plan.warmup_steps, 1))
    cosine = 0.5 * (1.0 + math.cos(math.pi * min(max(progress, 0.0), 1.0)))
    fall = plan.final_rate + (1.0 - plan.final_rate) * cosine
    return plan.learning_rate * rise * fall


def kl_weight(config: Config, progress: float) -> float:
    """Returns beta now: it rises from 0 over the first part of the run."""
    plan = config.objective
    if plan.beta_warmup <= 0:
        return plan.beta
    return plan.beta * min(1.0, progress / plan.beta_warmup)


def is_mean_step(config: Config, number: int) -> bool:
    """Tells whether a step decodes the posterior mean: evenly spread steps.

    Counted by the turns of the heads, one step each: else the two rhythms would beat,
    and one head decode more means than another.
    """
    part, turn = config.objective.mean_path, number // len(config.model.scales)
    return math.floor((turn + 1) * part) > math.floor(turn * part)


def average_decay(config: Config, number: Any) -> Any:
    """Returns the decay of the averaged weights; early on the average is a short one.

    Args:
        config: the final decay.
        number: of the step, a scalar tensor.
    """
    count = tf.cast(number, tf.float32) + 1.0
    return tf.minimum(config.training.ema, count / (count + 9.0))
