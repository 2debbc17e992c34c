"""What a model of looks is told of a thumbnail beside its pixels: ends, histograms."""

from __future__ import annotations

import math
from typing import Any

import tensorflow as tf

BINS = 32  # of the histogram of each colour, over the domain s
INNER = 6  # the values beyond this one, of a quarter of the pixels, are a few: 0.5 %


def extremes(image: Any) -> Any:
    """Returns darkest and brightest values of thumbnails, and those without a few.

    (B, 4, 3). The middle pixels, where ``grading.thumbnail`` puts the extremes of the
    whole photograph, are not in the quarter that is sorted.
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
