"""The colour transform of ``grading`` in TensorFlow, for training.

Parameters are bounded here: whatever the network says, curves rise, grays have a
place to stay, and gains are those of photographs. What a curve is stands in
``grading``; a test compares the two.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from vaenhance.grading import BRIGHTEST, DEPTH, STOPS, Transform, spline

STEEPEST = 6.0  # a curve's slope in the domain s, and one over the flattest
LARGEST_OFFSET = 0.5  # of a curve, in the domain s
LARGEST_MIX = 0.8  # share of another colour in a colour
LARGEST_GAIN = 2.0  # stops
GATES = 6
LARGEST_LOGIT = 12.0  # of a gate: one that is shut for good would learn nothing more
OPEN = 2.0  # logit from which on an exact gate is open; below its opposite it is shut
SMALLEST = 0.04  # exact: numbers that are together smaller count for little
NARROWEST = 0.02  # of what is stretched to black and white
LEAK = 0.01  # slope beyond black, white and gates, so that the gradient finds back


@dataclass(frozen=True)
class Parameters:
    """Transforms of a batch; the shapes of ``grading.Transform`` with (B,) in front."""

    low: Any  # (B, 3)
    high: Any  # (B, 3)
    slopes: Any  # (B, 3, K + 1)
    offsets: Any  # (B, 3)
    matrix: Any  # (B, 3, 3)
    gains: Any  # (B, g, g)
    tone: Any  # (B, K + 1)
    tone_offset: Any  # (B,)

    def numpy(self) -> list[Transform]:
        """Returns the transforms one by one."""
        parts = {name: np.asarray(part) for name, part in vars(self).items()}
        count = len(parts["tone_offset"])
        transforms = []
        for index in range(count):
            own: dict[str, Any] = {name: part[index] for name, part in parts.items()}
            own["tone_offset"] = float(own["tone_offset"])
            transforms.append(Transform(**own))
        return transforms


def numbers(knots: int) -> int:
    """Returns how many numbers a transform without its gains has."""
    return 3 * (knots + 2) + 6 + knots + 2 + GATES


def bounded(
    flat: Any, gains: Any, extremes: Any, knots: int, is_exact: bool = False
) -> Parameters:
    """Makes transforms of what a network says.

    Six of the numbers are gates, 0..1 by a sigmoid. Two say how much of the way the
    darkest value goes to black and the brightest to white; two, whether each colour
    goes by its own or all by the darkest and brightest of all; two, whether darkest
    and brightest leave out the few values beyond the others: a lamp, a hot pixel.

    Args:
        flat: (B, numbers(knots)); with gates at 0 the identity.
        gains: (B, g, g).
        extremes: (B, 4, 3), the darkest and brightest value of each colour, and the
            same without the outermost few.
        knots: steps of each curve.
        is_exact: gates can be open and shut, not only nearly, and the numbers behind
            the stretch can say: nothing more.
    """
    logits, rest = flat[:, :GATES], flat[:, GATES:]
    if is_exact:
        gates = _leaky(0.5 + logits / (2.0 * OPEN))
        rest, gains = _shrunk(rest, [1]), _shrunk(gains, [1, 2])
    else:
        # Softsign, not tanh: its gradient does not vanish exponentially.
        gates = tf.sigmoid(logits / (1.0 + tf.abs(logits) / LARGEST_LOGIT))
    low, high = _stretch(gates, extremes)
    sizes = [3 * (knots + 1), 3, 6, knots + 1, 1]
    slopes, offsets, mix, tone, tone_offset = tf.split(rest, sizes, axis=-1)
    slopes = tf.reshape(slopes, [-1, 3, knots + 1])
    mix = LARGEST_MIX * tf.tanh(mix / LARGEST_MIX)
    a, b, c, d, e, f = tf.unstack(mix, axis=-1)
    rows = [(1 - a - b, a, b), (c, 1 - c - d, d), (e, f, 1 - e - f)]
    return Parameters(
        low=low,
        high=high,
        slopes=_steep(slopes),
        offsets=LARGEST_OFFSET * tf.tanh(offsets / LARGEST_OFFSET),
        matrix=tf.stack([tf.stack(row, axis=-1) for row in rows], axis=-2),
        gains=LARGEST_GAIN * tf.tanh(gains / LARGEST_GAIN),
        tone=_steep(tone),
        tone_offset=LARGEST_OFFSET * tf.tanh(tone_offset[:, 0] / LARGEST_OFFSET),
    )


def _leaky(gates: Any) -> Any:
    """Cuts to 0..1; the gradient of what is cut is small, but not 0."""
    beyond = gates - tf.clip_by_value(gates, 0.0, 1.0)
    return gates - beyond + LEAK * (beyond - tf.stop_gradient(beyond))


def _shrunk(values: Any, axes: list[int]) -> Any:
    """Brings values that are small together nearer to 0, and leaves large ones.

    r·m/(m + t²) with the mean square m: as the garrote of Breiman (1995), but
    smooth, and of all of a photograph's values at once.
    """
    size = tf.reduce_mean(tf.square(values), axes, keepdims=True)
    return values * size / (size + SMALLEST**2)


def _stretch(gates: Any, extremes: Any) -> tuple[Any, Any]:
    """Returns what becomes black and white, (B, 3) each."""
    darkest, brightest, inner_dark, inner_bright = tf.unstack(extremes, axis=1)
    darkest += gates[:, 4:5] * (inner_dark - darkest)
    brightest += gates[:, 5:6] * (inner_bright - brightest)
    least = tf.reduce_min(darkest, axis=-1, keepdims=True)
    most = tf.reduce_max(brightest, axis=-1, keepdims=True)
    own_low, own_high = gates[:, 2:3], gates[:, 3:4]
    low = gates[:, 0:1] * (least + own_low * (darkest - least))
    high = most + own_high * (brightest - most)
    high = 1.0 - gates[:, 1:2] * (1.0 - high)
    return low, tf.maximum(high, low + NARROWEST)


def _steep(raw: Any) -> Any:
    limit = math.log(STEEPEST)
    return tf.exp(limit * tf.tanh(raw / limit))


def transformed(y: Any, parameters: Parameters, step: int = 1) -> Any:
    """Returns images (B, H, W, 3) after their transforms.

    Beyond black and white values are pressed together, not cut: a cut has no gradient.

    Args:
        y: the images.
        parameters: of each.
        step: only every step-th pixel of every step-th row is computed, from the
            step // 2-th on.
    """
    height, width = y.shape[1:3]
    y = y[:, step // 2 :: step, step // 2 :: step]
    low, high = (part[:, None, None] for part in (parameters.low, parameters.high))
    s = to_domain(to_linear((y - low) / (high - low)))
    light = tf.stack(
        [
            from_domain(_curve(s[..., i], parameters.slopes[:, i], offset))
            for i, offset in enumerate(tf.unstack(parameters.offsets, axis=-1))
        ],
        axis=-1,
    )
    light = tf.einsum("bhwc,bdc->bhwd", light, parameters.matrix)
    cells = parameters.gains.shape[-1]
    down, across = (
        tf.constant(spline(side, cells)[step // 2 :: step]) for side in (height, width)
    )
    gains = tf.einsum("hi,bij,wj->bhw", down, parameters.gains, across)
    light = tf.minimum(light * tf.exp(math.log(2) * gains)[..., None], BRIGHTEST)
    light = tf.nn.relu(light)
    tone = _curve(to_domain(light), parameters.tone, parameters.tone_offset)
    x = to_srgb(from_domain(tone))
    inside = tf.clip_by_value(x, 0.0, 1.0)
    return inside + LEAK * (x - inside)


def _curve(s: Any, slopes: Any, offset: Any) -> Any:
    """``grading.curve`` of a batch: s (B, ...), slopes (B, K + 1), offset (B,)."""
    count = slopes.shape[-1] - 1
    steps = tf.range(count + 1, dtype=tf.float32)
    shape = [-1] + [1] * (len(s.shape) - 1)
    inside = tf.clip_by_value(s, 0.0, 1.0)
    u = tf.clip_by_value(inside[..., None] * count - steps, -1.0, 1.0)
    start = tf.clip_by_value(-steps, -1.0, 1.0)
    # The integral of a hat of height 1: what each slope adds.
    risen = u - 0.5 * u * tf.abs(u) - (start - 0.5 * start * tf.abs(start))
    flat = tf.reshape(risen, [tf.shape(s)[0], -1, count + 1])
    value = tf.reshape(tf.linalg.matvec(flat, slopes) / count, tf.shape(s))
    value += tf.reshape(offset, shape)
    first, last = (tf.reshape(slopes[:, i], shape) for i in (0, -1))
    return value + tf.minimum(s, 0.0) * first + tf.nn.relu(s - 1.0) * last


# === The conversions of ``color`` and ``grading`` ===


def to_linear(x: Any) -> Any:
    """Returns linear light of sRGB values, odd around 0."""
    size = tf.abs(x)
    # Not tf.pow, which takes several times as long.
    curved = tf.exp(2.4 * tf.math.log((tf.maximum(size, 0.04) + 0.055) / 1.055))
    return tf.sign(x) * tf.where(size <= 0.04045, size / 12.92, curved)


def to_srgb(light: Any) -> Any:
    """Returns sRGB values of linear light, odd around 0."""
    size = tf.abs(light)
    # The power is kept away from 0, where its gradient is not finite.
    curved = 1.055 * tf.exp(tf.math.log(tf.maximum(size, 0.003)) / 2.4) - 0.055
    return tf.sign(light) * tf.where(size <= 0.0031308, size * 12.92, curved)


def to_domain(light: Any) -> Any:
    """Returns s of linear light."""
    above = tf.math.log1p(DEPTH * tf.maximum(light, 0.0)) / (STOPS * math.log(2))
    return above + tf.minimum(light, 0.0) * (DEPTH / math.log(2) / STOPS)


def from_domain(s: Any) -> Any:
    """Returns linear light of s, up to BRIGHTEST."""
    return (tf.exp(tf.minimum(s, 1.5) * (STOPS * math.log(2))) - 1.0) / DEPTH
