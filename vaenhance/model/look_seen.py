"""What a model of looks is told of a thumbnail beside its pixels: ends, histograms."""

from __future__ import annotations

import math
from typing import Any

import tensorflow as tf

BINS = 32  # of the histogram of each colour, over the domain s
TONES = 24  # of gray, whose colourfulness is told
NEAR = (0.75 / 255, 2.5 / 255, 6.5 / 255)  # an end: on it, and not far from it
EXACT = 6 * len(NEAR) + 2 * TONES  # numbers of ``at_the_ends`` and ``colour``
INNER = 6  # the values beyond this one, of a quarter of the pixels, are a few: 0.5 %


def extremes(image: Any) -> Any:
    """Returns darkest and brightest values of thumbnails, and those without a few.

    (B, 4, 3). The middle pixels, where ``thumbnails.thumbnail`` puts the extremes of
    the whole photograph, are not in the quarter that is sorted.
    """
    middle = image.shape[1] // 2
    own = image[:, middle, middle : middle + 2]
    quarter = image[:, 1 - middle % 2 :: 2, 1 - middle % 2 :: 2]
    count = quarter.shape[1] * quarter.shape[2]
    values = tf.transpose(tf.reshape(quarter, [-1, count, 3]), [0, 2, 1])
    inner = min(INNER, count)
    low, high = (sign * tf.math.top_k(sign * values, inner)[0] for sign in (-1.0, 1.0))
    return tf.concat([own, low[:, None, :, -1], high[:, None, :, -1]], axis=1)


def short_of(extremes: Any) -> Any:
    """Returns how far from black and white extremes (B, 4, 3) are, 0..1, in logarithms.

    One step of 255 from white is an eighth here: what is white exactly was hardly
    changed, and what is nearly white was.
    """
    black_or_white = tf.constant([0.0, 1.0, 0.0, 1.0])[:, None]
    steps = 255.0 * tf.abs(extremes - black_or_white)
    return tf.math.log1p(steps) / math.log(256)


def histogram(planes: Any) -> Any:
    """Returns the square root of soft histograms of (B, H, W, C) in 0..1, (B, C·BINS).

    Every value is shared by the two nearest bins; the root makes small shares seen.
    """
    height, width, channels = planes.shape[1:]
    place = tf.clip_by_value(planes, 0.0, 1.0) * (BINS - 1)
    first = tf.minimum(tf.floor(place), BINS - 2)
    rows = tf.range(tf.shape(planes)[0])[:, None, None, None]
    starts = (rows * channels + tf.range(channels)) * BINS
    bins = tf.reshape(starts + tf.cast(first, tf.int32), [-1])
    second = tf.reshape(place - first, [-1])
    count = tf.shape(planes)[0] * channels * BINS
    sums = tf.math.unsorted_segment_sum(1.0 - second, bins, count)
    sums += tf.math.unsorted_segment_sum(second, bins + 1, count)
    rooted = tf.sqrt(sums / (height * width) + 1e-6)
    return tf.reshape(rooted, [-1, channels * BINS])


def at_the_ends(image: Any, extremes: Any) -> Any:
    """Returns the root of the share of pixels at each end of each colour, (B, 18).

    What was cut has many pixels on its darkest or brightest value: a white wall in
    warm light is one value of blue, where a sky that is no white fades out.

    Args:
        image: thumbnails (B, S, S, 3).
        extremes: of ``extremes``, (B, 4, 3); the first two count.
    """
    ends = extremes[:, :2, None, None]
    away = tf.stack([image - ends[:, 0], ends[:, 1] - image], axis=1)
    near = [tf.cast(away < width, tf.float32) for width in NEAR]
    shares = tf.stack([tf.reduce_mean(part, [2, 3]) for part in near], axis=1)
    return tf.reshape(tf.sqrt(shares), [-1, 6 * len(NEAR)])


def colour(image: Any) -> Any:
    """Returns the mean chroma and saturation of each tone of gray, (B, 2·TONES).

    A power makes dark tones too colourful or too gray for what they are; exposure
    does not. Tones that few pixels have count for little.

    Args:
        image: thumbnails (B, S, S, 3).
    """
    height, width = image.shape[1:3]
    brightest = tf.reduce_max(image, -1)
    chroma = brightest - tf.reduce_min(image, -1)
    saturation = chroma / (brightest + 0.02)
    tones = tf.cast(tf.reduce_mean(image, -1) * TONES, tf.int32)
    rows = tf.range(tf.shape(image)[0])[:, None, None] * TONES
    bins = tf.reshape(rows + tf.clip_by_value(tones, 0, TONES - 1), [-1])
    values = tf.stack([tf.ones_like(chroma), chroma, saturation], axis=-1)
    count = tf.shape(image)[0] * TONES
    sums = tf.math.unsorted_segment_sum(tf.reshape(values, [-1, 3]), bins, count)
    few = 0.003 * height * width
    return tf.reshape(sums[:, 1:] / (sums[:, :1] + few), [-1, 2 * TONES])
