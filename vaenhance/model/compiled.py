"""A network's functions as TensorFlow graphs, for images of all sizes.

What they are called with, and how often, is in ``inference``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import tensorflow as tf

from vaenhance.config import ModelConfig
from vaenhance.model import observed
from vaenhance.model.abduction import abduct
from vaenhance.model.objective import image

# Floor of a Gaussian's sigma where classes are compared, [0, 1] units.
CLASS_SIGMA = 0.05


class Compiled:
    """Base of ``Inference``.

    Attributes:
        config: the network's shape.
    """

    config: ModelConfig
    _network: Any

    def _compile(self) -> None:
        network, likelihood = self._network, self.config.likelihood
        images = tf.TensorSpec([None, None, None, self.config.channels], tf.float32)
        sigma, floor = (tf.TensorSpec(shape, tf.float32) for shape in ([None], []))
        label, side = (tf.TensorSpec(shape, tf.int32) for shape in ([None], []))
        latents = [
            tf.TensorSpec([None, None, None, shape[-1]], tf.float32)
            for shape in network.latent_shapes(1024, 1024)
        ]
        self._compile_scales(images, sigma, latents, (side, side, label))
        self._encode = _compiled(
            lambda y, s, c: network.infer(y, s, label=c)[2], images, sigma, label
        )
        self._encode_draw = _compiled(
            lambda y, s, e, c: network.infer(y, s, e, label=c)[2],
            *(images, sigma, latents, label),
        )
        self._bound = _compiled(
            partial(observed.bound, network, likelihood), images, sigma, latents, floor
        )
        self._describe = _compiled(
            partial(observed.describe, network), images, sigma, label
        )
        self._draw = _compiled(
            lambda e, h, w, c: image(likelihood, network.draw(e, h, w, label=c)),
            latents,
            *(side, side, label),
        )
        self._abduct = _compiled(
            lambda y, s, c: abduct(network, y, s, c, CLASS_SIGMA), images, sigma, label
        )

    def _compile_scales(
        self, images: Any, sigma: Any, latents: Any, decoded: tuple[Any, ...]
    ) -> None:
        network, likelihood = self._network, self.config.likelihood

        def restore(y: Any, s: Any, scale: int) -> Any:
            return image(likelihood, network.infer(y, s, scale=scale)[0])

        def posterior(y: Any, s: Any, epsilons: Any, scale: int) -> Any:
            parameters, kls, _ = network.infer(y, s, epsilons, scale=scale)
            return image(likelihood, parameters), kls

        def decode(z: Any, h: Any, w: Any, c: Any, scale: int) -> Any:
            return image(likelihood, network.decode(z, h, w, scale, c))

        def observe(y: Any, s: Any, scale: int) -> Any:
            return observed.assess(network, likelihood, y, s, scale)

        def of_scales(function: Callable[..., Any], *signature: Any) -> dict[int, Any]:
            return {
                scale: _compiled(partial(function, scale=scale), *signature)
                for scale in self.config.scales
            }

        self._restore = of_scales(restore, images, sigma)
        self._observed = of_scales(observe, images, sigma)
        self._posterior = of_scales(posterior, images, sigma, latents)
        self._decode = of_scales(decode, latents, *decoded)


def _compiled(function: Callable[..., Any], *signature: Any) -> Any:
    return tf.function(function, input_signature=signature, autograph=False)
