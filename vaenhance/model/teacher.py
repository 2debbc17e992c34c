"""Targets with less noise: what trained weights make of turned images.

Most of the squared error of x̂ is what y does not tell of x, and so is most of its
gradient: noise to the weights. An image, turned and mirrored, enhanced and turned
back, gives another x̂ each time; their mean is nearer to E[x|y] than each of them
(self-ensemble, Timofte et al. 2016), by 0.15 dB for noise of sigma 25 (measured). A
network that is asked for this mean of what it was when the run began, or of what
other models say (distillation, Hinton et al. 2015), learns to give it at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import tensorflow as tf

from vaenhance import checkpoint
from vaenhance.config import Config, ModelConfig
from vaenhance.model.build import build_network, read_weights, take_over
from vaenhance.model.objective import image

VIEWS = 8  # quarter turns, of the image and of its mirror image


class Teacher(NamedTuple):
    """A network that does not learn, and its shape."""

    network: Any
    model: ModelConfig


def build(config: Config, policy: Any, folders: Sequence[Path] = ()) -> list[Teacher]:
    """Returns who is to teach; nobody without ``teacher``.

    Args:
        config: of the training.
        policy: Keras dtype policy of the teachers, e.g. ``mixed_bfloat16``.
        folders: models that teach; without any it is the network itself as it is
            when the run begins, with weights that are random until they are copied.

    Raises:
        ModelError: the weights of a folder are missing or damaged.
    """
    if not config.objective.teacher:
        return []
    if not folders:
        return [Teacher(build_network(config.model, policy), config.model)]
    return [_loaded(folder, policy) for folder in folders]


def _loaded(folder: Path, policy: Any) -> Teacher:
    model = checkpoint.load_config(folder).model
    network = build_network(model, policy)
    take_over(network, read_weights(folder))
    return Teacher(network, model)


def target(
    teachers: Sequence[Teacher],
    config: Config,
    x: Any,
    y: Any,
    told: tuple[Any, Any],
    scale: int,
    number: Any,
) -> Any:
    """Returns x moved towards what its teachers say of it, as large as x.

    Args:
        teachers: of ``build``; each view is another one's, in an order that is drawn.
        config: of the training: ``teacher`` is how far, ``views`` are averaged.
        x: clean images (B, s·h, s·h, C).
        y: degraded ones (B, h, h, C); squares.
        told: noise levels and classes of the images.
        scale: s.
        number: of the step; decides the views, and whose they are.

    Returns:
        x itself without ``teacher``.
    """
    plan, (sigma, label) = config.objective, told
    if not plan.teacher:
        return x

    def said(teacher: Teacher, y: Any) -> Any:
        # Another model's classes have other numbers.
        known = label if teacher.model.classes == config.model.classes else None
        parameters = teacher.network.infer(y, sigma, scale=scale, label=known)[0]
        return image(teacher.model.likelihood, parameters)

    found = []
    # Drawn, not counted: scales and mean steps have rhythms of their own.
    turns = _order(config.training.seed, -1 - number, len(teachers))
    views = tf.unstack(choose_views(config.training.seed, number, plan.views))
    for place, view in enumerate(views):
        seen = turned(y, view)
        answers = [partial(said, each, seen) for each in teachers]
        whose = turns[place % len(teachers)]
        answer = answers[0]() if len(answers) == 1 else tf.switch_case(whose, answers)
        found.append(turned_back(answer, view))
    mean = tf.stop_gradient(tf.add_n(found) / float(len(found)))
    return x + plan.teacher * (mean - x)


def choose_views(seed: int, number: Any, count: int) -> Any:
    """Returns the numbers of so many different views for a step, (count,)."""
    return _order(seed, number, VIEWS)[:count]


def _order(seed: int, number: Any, count: int) -> Any:
    """Returns the numbers below count in an order of the step's own, (count,)."""
    key = tf.stack([tf.constant(seed, tf.int64), number])
    return tf.argsort(tf.random.stateless_uniform([count], key))


def turned(x: Any, view: Any) -> Any:
    """Turns squares (B, h, h, C) by view % 4 quarters; from 4 on it mirrors them."""
    x = tf.image.rot90(x, view % 4)
    return tf.cond(view >= 4, lambda: tf.reverse(x, [2]), lambda: x)


def turned_back(x: Any, view: Any) -> Any:
    """Undoes ``turned``."""
    x = tf.cond(view >= 4, lambda: tf.reverse(x, [2]), lambda: x)
    return tf.image.rot90(x, -view % 4)
