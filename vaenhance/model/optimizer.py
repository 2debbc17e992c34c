"""The optimisers of a training: Adam, and Muon for most weights that are no vectors.

Both take gradients that are already the same on every device: Keras would sum
them over the devices itself, but only after everything that has to see the sum,
the norm to clip and whether the step is finite.
"""

from __future__ import annotations

import math
from typing import Any

import keras
import tensorflow as tf

from vaenhance.config import TrainingConfig

# Muon takes its step of the size of Adam's: this root mean square a weight, for a
# rate of 1 (Liu et al. 2025, Muon is scalable for LLM training).
MUON_STEP = 0.2
MUON_MOMENTUM = 0.95
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)  # Jordan et al. 2024
NEWTON_SCHULZ_STEPS = 5


def build_optimizer(config: TrainingConfig) -> keras.optimizers.Optimizer:
    """Returns the optimiser that a configuration names."""
    if config.optimizer == "muon":
        return _Muon(
            config.learning_rate,
            name="muon",
            weight_decay=None,
            adam_weight_decay=None,
            momentum=MUON_MOMENTUM,
            exclude_layers=["stem", "head", "prior", "posterior"],
        )
    return adam(config.learning_rate)


def adam(rate: float, beta_1: float = 0.9, beta_2: float = 0.999) -> Any:
    """Returns Adam; the betas are the decays of its two averages of gradients."""
    return _Adam(rate, beta_1, beta_2, name="adam")


class _Adam(keras.optimizers.Adam):
    """Keras' Adam, by TensorFlow's fused kernel: one operation a variable, not ten.

    A step of a small network costs its operations, not their arithmetic.
    """

    def _all_reduce_sum_gradients(self, grads_and_vars):
        return list(grads_and_vars)

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
        count = tf.cast(self.iterations + 1, tf.float32)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=tf.pow(self.beta_1, count),
            beta2_power=tf.pow(self.beta_2, count),
            lr=tf.cast(learning_rate, tf.float32),
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=gradient,
        )


class _Muon(keras.optimizers.Muon):
    """Keras' Muon, for weights of four axes too.

    Keras orthogonalises the steps of matrices only. A kernel (h, w, in, out) is a
    matrix (h·w·in, out) here, as in Jordan et al. 2024. Muon's step is that of every
    weight of two axes or more: the kernels of convolutions and dense layers, and, which
    are no kernels, the tables of ``ClassCondition`` and the ladder's ``start``. But
    what has a word of ``exclude_layers`` in its path (the first convolution, the heads
    of x and of the Gaussians) and every vector, such as a bias, takes Adam's.
    """

    def _all_reduce_sum_gradients(self, grads_and_vars):
        return list(grads_and_vars)

    def _should_use_adamw(self, variable):
        if len(variable.shape) == 4:
            return any(word in variable.path for word in self.exclude_layers)
        return super()._should_use_adamw(variable)

    def _muon_update_step(self, gradient, variable, lr, m):
        self.assign(m, self.momentum * m + gradient)
        step = gradient + self.momentum * m
        outputs = variable.shape[-1]
        inputs = math.prod(variable.shape[:-1])
        matrix = tf.reshape(tf.convert_to_tensor(step), [inputs, outputs])
        update = orthogonalise(matrix) * MUON_STEP * math.sqrt(max(inputs, outputs))
        self.assign_sub(variable, lr * tf.reshape(update, variable.shape))


def orthogonalise(matrix: Any) -> Any:
    """Returns U·Vᵀ of a matrix's singular value decomposition, roughly.

    A Newton–Schulz iteration of the fifth order (Jordan et al. 2024): singular
    values end between about 0.7 and 1.2. Every iterate is P·X with a polynomial P
    of G = X·Xᵀ, so P and G are iterated, on the short side, and X is multiplied by
    P at the end: the published result at a third of its multiplications, but in
    float32, since small singular values are squared in G.

    Args:
        matrix: (rows, columns) float32.
    """
    is_tall = matrix.shape[0] > matrix.shape[1]
    x = matrix / (tf.norm(matrix) + 1e-7)
    gram = tf.matmul(x, x, transpose_a=is_tall, transpose_b=not is_tall)
    a, b, c = NEWTON_SCHULZ
    total = identity = tf.eye(min(matrix.shape))
    for _ in range(NEWTON_SCHULZ_STEPS):
        step = a * identity + b * gram + c * tf.matmul(gram, gram)
        gram = tf.matmul(tf.matmul(step, gram), step)
        total = tf.matmul(step, total)
    return tf.matmul(x, total) if is_tall else tf.matmul(total, x)
