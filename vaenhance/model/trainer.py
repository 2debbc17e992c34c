"""One optimisation step of a VAE, and the state it changes.

Runs under any ``tf.distribute`` strategy. It owns the network, its averaged
(EMA) copy and the optimiser; it does not read images, write files or decide
when to stop.
"""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from vaenhance.config import Config
from vaenhance.data.pipeline import Batch
from vaenhance.model.build import build_network, named
from vaenhance.model.objective import Terms, evidence, image
from vaenhance.runtime import Runtime

METRICS = ("loss", "log_likelihood", "mse_db", "skipped", "gradient_norm")


class Trainer:
    """A network in training.

    Args:
        config: network, objective and schedule.
        runtime: device, precision and strategy.
    """

    def __init__(self, config: Config, runtime: Runtime):
        self.config = config
        self.strategy = runtime.strategy
        self.policy = runtime.policy
        keras.utils.set_random_seed(config.training.seed)  # initial weights
        with self.strategy.scope():
            self.network = build_network(config.model, runtime.policy)
            # Averaged in float32; run in the same precision for validation.
            self.averaged = build_network(config.model, runtime.policy)
            self.optimizer = keras.optimizers.Adam(config.training.learning_rate)
            self.optimizer.build(self.network.trainable_variables)
        self._copy_to_average()
        self._run = tf.function(self._distributed, reduce_retracing=True)
        self._restore = tf.function(
            lambda y, sigma: image(
                config.model.likelihood, self.averaged.infer(y, sigma)[0]
            ),
            reduce_retracing=True,
        )

    def step(self, batch: Batch, number: int, progress: float) -> dict[str, Any]:
        """Takes one step.

        Args:
            batch: x, y and noise levels of all devices together.
            number: of the step, from 0; seeds the posterior's noise.
            progress: part of the run that is done, 0..1, for the schedules.

        Returns:
            loss, log_likelihood (nats per image), psnr (dB), kl (nats per image of
            each level, coarse to fine), skipped (0 or 1), gradient_norm.
        """
        scalars = (number, self.rate(number, progress), self.beta(progress))
        mean_path = _is_mean_step(self.config, number)
        metrics, kl = self._run(
            *(self._spread(part) for part in (batch.x, batch.y, batch.noise_sigma)),
            tf.constant(scalars[0], tf.int64),
            tf.constant(scalars[1], tf.float32),
            tf.constant(scalars[2], tf.float32),
            tf.constant(0.0 if mean_path else 1.0),
        )
        values = dict(zip(METRICS, metrics.numpy().tolist(), strict=True))
        values["psnr"] = values.pop("mse_db")
        return {**values, "kl": kl.numpy().tolist(), "rate": scalars[1]}

    def restore(self, y: Any, noise_sigma: Any) -> Any:
        """Returns E[x|z] at the posterior mean with the averaged weights."""
        return self._restore(tf.constant(y), tf.constant(noise_sigma)).numpy()

    def rate(self, number: int, progress: float) -> float:
        """Returns the learning rate: linear warm-up, then a half cosine."""
        plan = self.config.training
        rise = min(1.0, (number + 1) / max(plan.warmup_steps, 1))
        cosine = 0.5 * (1.0 + math.cos(math.pi * min(max(progress, 0.0), 1.0)))
        return (
            plan.learning_rate
            * rise
            * (plan.final_rate + (1.0 - plan.final_rate) * cosine)
        )

    def beta(self, progress: float) -> float:
        """Returns the KL's weight now."""
        plan = self.config.objective
        if plan.beta_warmup <= 0:
            return plan.beta
        return plan.beta * min(1.0, progress / plan.beta_warmup)

    def state(self) -> dict[str, dict[str, Any]]:
        """Returns every number that the next step depends on, by group and name."""
        return {
            "network": arrays(self.network.variables),
            "averaged": arrays(self.averaged.variables),
            "optimizer": arrays(self.optimizer.variables),
        }

    def set_state(self, state: dict[str, dict[str, Any]]) -> None:
        """Puts a state of ``state()`` back."""
        groups = {
            "network": self.network,
            "averaged": self.averaged,
            "optimizer": self.optimizer,
        }
        for name, owner in groups.items():
            for key, variable in named(owner.variables).items():
                variable.assign(state[name][key])

    def initialise_from(self, weights: dict[str, Any]) -> list[str]:
        """Takes over the weights that fit by name and shape.

        Returns:
            Names of the weights that did not fit and stay random.
        """
        missing = []
        for key, variable in named(self.network.variables).items():
            if key in weights and weights[key].shape == tuple(variable.shape):
                variable.assign(weights[key])
            else:
                missing.append(key)
        self._copy_to_average()
        return missing

    def _copy_to_average(self) -> None:
        pairs = zip(self.averaged.variables, self.network.variables, strict=True)
        for average, variable in pairs:
            average.assign(variable)

    def _spread(self, array: Any) -> Any:
        """Cuts a batch into one part a device."""
        count = self.strategy.num_replicas_in_sync
        if count == 1:
            return tf.constant(array)
        parts = np.array_split(array, count)
        return self.strategy.experimental_distribute_values_from_function(
            lambda context: tf.constant(parts[context.replica_id_in_sync_group])
        )

    def _distributed(self, x, y, sigma, number, rate, beta, noise):
        self.optimizer.learning_rate.assign(rate)
        metrics, kl = self.strategy.run(
            self._replica_step, args=(x, y, sigma, number, beta, noise)
        )
        self._update_average(number)
        mean = tf.distribute.ReduceOp.MEAN
        return (
            self.strategy.reduce(mean, metrics, axis=None),
            self.strategy.reduce(mean, kl, axis=None),
        )

    def _replica_step(self, x, y, sigma, number, beta, noise):
        terms, gradients = self._gradients(x, y, sigma, number, beta, noise)
        norm = tf.linalg.global_norm(gradients)
        is_finite = tf.math.is_finite(norm) & tf.math.is_finite(terms.loss)
        scale = self.config.training.clip_norm / tf.maximum(
            norm, self.config.training.clip_norm
        )
        self._apply([g * scale for g in gradients], is_finite)
        metrics = [
            terms.loss,
            tf.reduce_mean(terms.log_likelihood),
            # Mean of the images' PSNR, dB.
            -10.0 * tf.reduce_mean(_log10(terms.squared_error + 1e-10)),
            1.0 - tf.cast(is_finite, tf.float32),
            norm,
        ]
        return tf.stack(metrics), tf.stack([tf.reduce_mean(k) for k in terms.kl])

    def _gradients(self, x, y, sigma, number, beta, noise) -> tuple[Terms, list[Any]]:
        epsilons = self._epsilons(x, number, noise)
        with tf.GradientTape() as tape:
            parameters, kl, _ = self.network.infer(y, sigma, epsilons)
            terms = evidence(
                self.config.model.likelihood,
                self.config.objective,
                x,
                parameters,
                kl,
                beta,
            )
        variables = self.network.trainable_variables
        gradients = tape.gradient(terms.loss, variables)
        replicas = self.strategy.num_replicas_in_sync
        # The optimiser sums over devices; a mean is meant.
        return terms, [
            tf.zeros_like(v) if g is None else tf.cast(g, tf.float32) / replicas
            for g, v in zip(gradients, variables, strict=True)
        ]

    def _epsilons(self, x, number, noise) -> list[Any]:
        """Returns the posterior's noise: a function of seed, step and device."""
        context = tf.distribute.get_replica_context()
        replica = tf.cast(context.replica_id_in_sync_group, tf.int64)
        seed = self.config.training.seed
        shapes = self.network.latent_shapes(x.shape[1], x.shape[2])
        count = len(shapes)
        draws = []
        for level, shape in enumerate(shapes):
            place = (number * count + level) * 1024 + replica
            key = tf.stack([tf.constant(seed, tf.int64), place])
            size = [tf.shape(x)[0], *shape]
            draws.append(noise * tf.random.stateless_normal(size, key))
        return draws

    def _apply(self, gradients: list[Any], is_finite: Any) -> None:
        """Updates the weights, unless a gradient is not finite."""
        variables = self.network.trainable_variables

        def update() -> Any:
            self.optimizer.apply(gradients, variables)
            return tf.constant(True)

        if self.strategy.num_replicas_in_sync == 1:
            tf.cond(is_finite, update, lambda: tf.constant(False))
            return
        # Devices cannot synchronise inside a condition: a step that is not finite
        # on any of them becomes one of zero gradients on all.
        context = tf.distribute.get_replica_context()
        flags = context.all_reduce(
            tf.distribute.ReduceOp.SUM, 1.0 - tf.cast(is_finite, tf.float32)
        )
        gradients = [tf.where(flags > 0, tf.zeros_like(g), g) for g in gradients]
        update()

    def _update_average(self, number: Any) -> None:
        """Moves the averaged weights; early on the average is a short one."""
        count = tf.cast(number, tf.float32) + 1.0
        decay = tf.minimum(self.config.training.ema, count / (count + 9.0))
        pairs = zip(
            self.averaged.trainable_variables,
            self.network.trainable_variables,
            strict=True,
        )
        for average, variable in pairs:
            self.strategy.extended.update(
                average.value,
                lambda mine, other: mine.assign_sub((1.0 - decay) * (mine - other)),
                args=(variable.value,),
            )


def arrays(variables: list[Any]) -> dict[str, Any]:
    """Returns the variables' values by path."""
    return {key: np.asarray(v) for key, v in named(variables).items()}


def _is_mean_step(config: Config, number: int) -> bool:
    """Tells whether a step decodes the posterior mean: evenly spread steps."""
    part = config.objective.mean_path
    return math.floor((number + 1) * part) > math.floor(number * part)


def _log10(value: Any) -> Any:
    return tf.math.log(value) / math.log(10.0)
