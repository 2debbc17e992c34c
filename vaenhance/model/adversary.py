"""The adversarial part of a training step (VAE-GAN, Larsen et al. 2016).

A discriminator learns to tell clean images x from decoded ones, and the decoder
learns to deceive it. Hinge loss; the decoder's part is weighed anew in every step, so
that it pulls at the last layer as hard as the likelihood does, times a given weight
(VQGAN, Esser et al. 2021). Runs in ``trainer``'s replicas; owns the discriminator and
its optimiser, and nothing of the VAE.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

from vaenhance.config import Config
from vaenhance.model.build import named
from vaenhance.model.discriminator import Discriminator
from vaenhance.model.heads import head_name
from vaenhance.model.optimizer import adam

METRICS = ("discriminator_loss", "adversarial_weight")
SUM, MEAN = tf.distribute.ReduceOp.SUM, tf.distribute.ReduceOp.MEAN
BETAS = 0.5, 0.9  # of Adam: the past of an adversary soon is no longer true
LARGEST = 1e4  # weight: where the discriminator's pull all but vanishes
ENCODER = ("stem", "down", "encoder", "mix", "posterior")  # its layers begin so


class Contest(NamedTuple):
    """What a step found of the discriminator, the same on every device."""

    judged: list[Any]  # ``METRICS``, scalars
    gradients: list[Any]  # of its weights


class Adversary:
    """A discriminator in training.

    Args:
        config: of the run; ``adversarial.weight`` is above 0.
    """

    def __init__(self, config: Config):
        self.config = config.adversarial
        self.network = Discriminator(self.config, config.model.channels)
        self.network.build()
        self.optimizer = adam(self.config.learning_rate, *BETAS)
        self.optimizer.build(self.network.trainable_variables)

    def groups(self) -> list[tuple[str, Any]]:
        """Returns what a checkpoint of the training has of it, by name."""
        return [
            ("discriminator", self.network),
            ("discriminator_optimizer", self.optimizer),
        ]

    def deceived(self, x_hat: Any) -> Any:
        """Returns the decoder's loss: how little x̂ (B, H, W, C) is taken for real."""
        return -tf.reduce_mean(self.network(x_hat))

    def weigh(
        self, tape: Any, loss: Any, deceived: Any, network: Any, scale: int
    ) -> Any:
        """Returns the weight at which both losses pull at the last layer as asked.

        Args:
            tape: persistent, of both losses.
            loss: of the VAE alone.
            deceived: as above.
            network: the VAE.
            scale: of the head that learns.
        """
        last = named(network.variables)[f"{head_name(scale)}/kernel"].value
        both = [tape.gradient(part, last) for part in (loss, deceived)]
        context = tf.distribute.get_replica_context()
        own, other = (tf.norm(g) for g in context.all_reduce(SUM, both))
        ratio = tf.math.divide_no_nan(own, other)
        return self.config.weight * tf.minimum(ratio, LARGEST)

    def gradients(
        self, tape: Any, loss: Any, deceived: Any, network: Any, weight: Any
    ) -> list[Any]:
        """Returns the VAE's gradients of both losses together."""
        variables = network.trainable_variables
        if not self.config.decoder_only:
            ones = [tf.ones_like(loss), weight]
            return tape.gradient([loss, deceived], variables, ones)
        pulls = self._pulls(tape, deceived, network)
        found = []
        for own, variable in zip(
            tape.gradient(loss, variables), variables, strict=True
        ):
            pull = pulls.get(variable.path)
            parts = [] if own is None else [own]
            parts += [] if pull is None else [weight * tf.cast(pull, tf.float32)]
            found.append(tf.add_n(parts) if parts else None)
        return found

    def contest(self, x: Any, x_hat: Any, weight: Any) -> Contest:
        """Returns what the discriminator makes of clean and of decoded images."""
        x_hat = tf.stop_gradient(x_hat)
        variables = self.network.trainable_variables
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([v.value for v in variables])
            real, made = self.network(x), self.network(x_hat)
            loss = 0.5 * tf.reduce_mean(tf.nn.relu(1.0 - real))
            loss += 0.5 * tf.reduce_mean(tf.nn.relu(1.0 + made))
        context = tf.distribute.get_replica_context()
        found = context.all_reduce(MEAN, tape.gradient(loss, variables))
        return Contest([context.all_reduce(MEAN, loss), weight], found)

    def update(self, contest: Contest) -> None:
        """Takes the discriminator's step."""
        self.optimizer.apply(contest.gradients, self.network.trainable_variables)

    def _pulls(self, tape: Any, deceived: Any, network: Any) -> dict[str, Any]:
        """Returns gradients of the weights that are not the encoder's, by path."""
        mine = [
            variable
            for name, variable in named(network.trainable_variables).items()
            if not name.startswith(ENCODER)
        ]
        found = tape.gradient(deceived, mine)
        return dict(zip([variable.path for variable in mine], found, strict=True))
