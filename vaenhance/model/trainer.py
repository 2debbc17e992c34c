"""One optimisation step of a VAE, and the state it changes.

Runs under any ``tf.distribute`` strategy: the same numbers on one device, on
several and on several machines, but for rounding. It owns the network, its
averaged (EMA) copy and the optimiser; it does not read images, write files or
decide when to stop.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from vaenhance.config import Config
from vaenhance.data.pipeline import Batch
from vaenhance.model import adversary, averaging, new_heads, revival, schedules, teacher
from vaenhance.model.build import build_network, named, take_over
from vaenhance.model.growth import grown
from vaenhance.model.objective import Terms, evidence, image
from vaenhance.model.optimizer import build_optimizer
from vaenhance.model.step_noise import step_noise, step_seed
from vaenhance.model.workers import Workers, local
from vaenhance.runtime import Runtime

METRICS = ("loss", "log_likelihood", "psnr", "skipped", "gradient_norm")
SUM, MEAN = tf.distribute.ReduceOp.SUM, tf.distribute.ReduceOp.MEAN


class Trainer:
    """A network in training.

    Args:
        config: network, objective and schedule.
        runtime: device, precision and strategy.
        teachers: model folders that teach in place of the first weights.
    """

    def __init__(self, config: Config, runtime: Runtime, teachers: Sequence[Path] = ()):
        self.config = config
        self.strategy = runtime.strategy
        self.workers = Workers(runtime)
        keras.utils.set_random_seed(config.training.seed)  # initial weights
        with self.strategy.scope():
            self.network = build_network(config.model, runtime.policy)
            # Averaged in float32; run in the same precision for validation.
            self.averaged = build_network(config.model, runtime.policy)
            for network in (self.network, self.averaged):
                if config.training.only_prior:
                    network.freeze_all_but_prior()
                if config.training.only_exponent:
                    network.freeze_all_but_exponent()
            self.optimizer = build_optimizer(config.training)
            self.optimizer.build(self.network.trainable_variables)
            # Last: the VAE's initial weights are the same with it and without.
            self.adversary = (
                adversary.Adversary(config) if config.adversarial.weight else None
            )
            self.teachers = teacher.build(config, runtime.policy, teachers)  # frozen
        # What is taught by itself keeps what it was; other models are where they were.
        self._first = [] if teachers else [each.network for each in self.teachers]
        self._copies = [self.averaged, *self._first]  # begin as the network does
        self.headless: set[int] = set()  # scales that the first weights had no head for
        averaging.copy(self.network, self._copies)
        self._run = tf.function(
            self._distributed, reduce_retracing=True, autograph=False
        )
        self._restore = tf.function(
            lambda y, sigma, scale: image(
                config.model.likelihood,
                self.averaged.infer(y, sigma, scale=scale)[0],
            ),
            reduce_retracing=True,
            autograph=False,
        )

    def step(self, batch: Batch, number: int, progress: float) -> dict[str, Any]:
        """Takes one step.

        Args:
            batch: x, y, noise levels and labels of this worker's devices together;
                how many times as large as y x is says which head learns.
            number: of the step, from 0; seeds the posterior's noise.
            progress: part of the run that is done, 0..1, for the schedules.

        Returns:
            Of the whole batch, all workers together: loss, log_likelihood (nats per
            image), psnr (mean of the images', dB), kl (nats per image of each level,
            coarse to fine), skipped (0 or 1), gradient_norm, rate; with an adversary
            at work also ``adversary.METRICS``.
        """
        rate = schedules.learning_rate(self.config, number, progress)
        beta = schedules.kl_weight(self.config, progress)
        is_mean = schedules.is_mean_step(self.config, number)
        values = self._run(
            *map(self._spread, (batch.x, batch.y, batch.noise_sigma, batch.label)),
            tf.constant(number, tf.int64),
            tf.constant(rate, tf.float32),
            tf.constant(beta, tf.float32),
            tf.constant(0.0 if is_mean else 1.0),
            batch.scale,
            self.adversary if progress >= self.config.adversarial.start else None,
        ).numpy()
        kl_end = len(METRICS) + len(self.config.model.latent_channels)
        named_ones = (*METRICS, *adversary.METRICS)
        single = [*values[: len(METRICS)].tolist(), *values[kl_end:].tolist()]
        kl = values[len(METRICS) : kl_end].tolist()
        return {**dict(zip(named_ones, single, strict=False)), "kl": kl, "rate": rate}

    def restore(self, y: Any, noise_sigma: Any, scale: int) -> Any:
        """Returns E[x|z] at the posterior mean with the averaged weights."""
        levels = tf.constant(noise_sigma)
        return self._restore(tf.constant(y), levels, scale).numpy()

    def state(self) -> dict[str, dict[str, Any]]:
        """Returns every number that the next step depends on, by group and name."""
        return {name: arrays(owner.variables) for name, owner in self._groups()}

    def set_state(self, state: dict[str, dict[str, Any]]) -> None:
        """Puts a state of ``state()`` back."""
        for name, owner in self._groups():
            for key, variable in named(owner.variables).items():
                variable.assign(state[name][key])

    def follow_the_chief(self) -> None:
        """Takes over the first worker's state, whatever this worker had."""
        self.workers.follow([v for _, owner in self._groups() for v in owner.variables])

    def initialise_from(self, weights: dict[str, Any]) -> list[str]:
        """Takes over the weights that fit by name and shape, or can be made to fit.

        Returns:
            Names of the weights that did not fit and stay random.
        """
        self.headless = new_heads.missing_heads(weights, self.config.model)
        weights = new_heads.with_heads(weights, self.config.model)
        variables = named(self.network.variables).items()
        shapes = {key: tuple(each.shape) for key, each in variables}
        random = np.random.default_rng(self.config.training.seed)
        missing = take_over(self.network, grown(weights, shapes, random))
        averaging.copy(self.network, self._copies)
        return missing

    def fit_new_heads(self, batch: Callable[[int], Batch]) -> None:
        """Fits heads that ``initialise_from`` had to make, to the run's first batches.

        Args:
            batch: makes the batch of a step.
        """
        if self.headless:
            count = new_heads.FITTED_BATCHES * len(self.config.model.scales)
            new_heads.fit_heads(self.network, map(batch, range(count)), self.headless)
            averaging.copy(self.network, self._copies)

    def revive(self, batches: list[Batch], number: int) -> dict[str, int]:
        """Lets what never says anything start anew; see ``revival.start_anew``."""
        networks = self.network, self.averaged
        return revival.start_anew(networks, batches, number, self.config)

    # === The step ===

    def _groups(self) -> list[tuple[str, Any]]:
        return [
            ("network", self.network),
            ("averaged", self.averaged),
            ("optimizer", self.optimizer),
            *(("teacher", network) for network in self._first),
            *(self.adversary.groups() if self.adversary else []),
        ]

    def _spread(self, array: Any) -> Any:
        """Cuts this worker's batch into one part a device."""
        if self.strategy.num_replicas_in_sync == 1:
            return tf.constant(array)
        count = self.strategy.num_replicas_in_sync // self.workers.count
        parts = np.split(array, count)
        return self.strategy.experimental_distribute_values_from_function(
            lambda context: tf.constant(parts[context.replica_id_in_sync_group % count])
        )

    def _distributed(self, x, y, sigma, label, number, rate, beta, noise, scale, rival):
        self.optimizer.learning_rate.assign(rate)
        metrics, gradients, contest = self.strategy.run(
            self._replica_gradients,
            args=(x, y, sigma, label, number, beta, noise, scale, rival),
        )
        values = local(self.strategy, metrics)

        def update() -> Any:
            self.strategy.run(self._replica_update, args=(gradients, contest))
            return tf.constant(True)

        # All devices have the same numbers here, so all go the same way.
        is_skipped = values[METRICS.index("skipped")] > 0.0
        tf.cond(is_skipped, lambda: tf.constant(False), update)
        decay = schedules.average_decay(self.config, number)
        averaging.follow(self.network, self.averaged, decay, self.strategy)
        return values

    def _replica_gradients(self, x, y, sigma, label, number, beta, noise, scale, rival):
        """Returns metrics, clipped gradients and contest of the whole batch."""
        terms, gradients, contest = self._gradients(
            x, y, sigma, label, number, beta, noise, scale, rival
        )
        context = tf.distribute.get_replica_context()
        gradients = context.all_reduce(SUM, gradients)
        own = [
            terms.loss,
            tf.reduce_mean(terms.log_likelihood),
            # Mean of the images' PSNR, dB.
            -10.0 * tf.reduce_mean(_log10(terms.squared_error + 1e-10)),
            *(tf.reduce_mean(kl) for kl in terms.kl),
        ]
        common = context.all_reduce(MEAN, tf.stack(own))
        norm = tf.linalg.global_norm(gradients)
        is_finite = tf.math.is_finite(norm) & tf.math.is_finite(common[0])
        judged = contest.judged if contest else []
        for value in judged:
            is_finite &= tf.math.is_finite(value)
        if self.config.training.skip_norm:
            is_finite &= norm <= self.config.training.skip_norm
        limit = self.config.training.clip_norm
        scale = limit / tf.maximum(norm, limit)
        rest = tf.stack([1.0 - tf.cast(is_finite, tf.float32), norm])
        metrics = tf.concat([common[:3], rest, common[3:], judged], axis=0)
        return metrics, [g * scale for g in gradients], contest

    def _gradients(
        self, x, y, sigma, label, number, beta, noise, scale, rival
    ) -> tuple[Terms, list[Any], adversary.Contest | None]:
        epsilons = self._epsilons(y, number, noise)
        is_contested, contest = rival is not None, None
        told = sigma, label
        target = teacher.target(self.teachers, self.config, x, y, told, scale, number)
        with tf.GradientTape(is_contested, watch_accessed_variables=False) as tape:
            # No more than what learns: a fitted prior costs no way back to y.
            tape.watch([v.value for v in self.network.trainable_variables])
            parameters, kl, _ = self.network.infer(
                y, sigma, epsilons, scale=scale, label=label, **self._seed(number)
            )
            terms = evidence(
                self.config.model.likelihood,
                self.config.objective,
                x,
                parameters,
                kl,
                beta,
                y,
                target,
            )
            if is_contested:
                x_hat = image(self.config.model.likelihood, parameters)
                deceived = rival.deceived(x_hat)
        variables = self.network.trainable_variables
        if is_contested:
            weight = rival.weigh(tape, terms.loss, deceived, self.network, scale)
            gradients = rival.gradients(
                tape, terms.loss, deceived, self.network, weight
            )
            contest = rival.contest(x, x_hat, weight)
        else:
            gradients = tape.gradient(terms.loss, variables)
        # The devices' gradients are summed; a mean is meant.
        replicas = self.strategy.num_replicas_in_sync
        found = [
            tf.zeros_like(v) if g is None else tf.cast(g, tf.float32) / replicas
            for g, v in zip(gradients, variables, strict=True)
        ]
        return terms, found, contest

    def _epsilons(self, y, number, noise) -> list[Any]:
        shapes = self.network.latent_shapes(y.shape[1], y.shape[2])
        drawn = step_noise(self.config.training.seed, number, tf.shape(y)[0], shapes)
        return [noise * level for level in drawn]

    def _seed(self, number) -> dict[str, Any]:
        """Returns the seed of what an exponent's network drops, where there is one."""
        plan, is_told = self.config.training, self.config.model.exponents
        return {"seed": step_seed(plan.seed, number)} if is_told else {}

    def _replica_update(self, gradients: list[Any], contest: Any) -> None:
        self.optimizer.apply(gradients, self.network.trainable_variables)
        if self.adversary and contest:
            self.adversary.update(contest)


def arrays(variables: list[Any]) -> dict[str, Any]:
    """Returns the variables' values by path."""
    return {key: np.asarray(v) for key, v in named(variables).items()}


def _log10(value: Any) -> Any:
    return tf.math.log(value) / math.log(10.0)
