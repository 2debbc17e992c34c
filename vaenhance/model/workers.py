"""What the processes that train one model together tell each other.

One of them, the chief, has the clock, the checkpoint and the last word. Gradients
are not exchanged here but in every step (``trainer``).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from vaenhance.runtime import Runtime


class Workers:
    """All workers of a run; alone, every exchange is at once and free.

    Args:
        runtime: strategy and number of workers.
    """

    def __init__(self, runtime: Runtime):
        self.count = runtime.workers
        self._strategy = runtime.strategy
        self._shared = tf.function(self._share, reduce_retracing=True, autograph=False)

    def agree(self, chief: list[float], votes: list[bool]) -> tuple[Any, Any]:
        """Exchanges numbers between the workers, and waits for all of them.

        Args:
            chief: what the first worker says; the others are not heard.
            votes: what every worker says.

        Returns:
            (the first worker's numbers, whether any worker voted so), on all
            workers alike.
        """
        if self.count == 1:
            return chief, votes
        said = self._exchange(np.array(chief), np.array(votes, np.float64))
        return said[: len(chief)].tolist(), (said[len(chief) :] > 0).tolist()

    def follow(self, variables: list[Any]) -> None:
        """Gives variables the first worker's values."""
        if self.count == 1:
            return
        values = [np.asarray(variable) for variable in variables]
        flat = np.concatenate([v.astype(np.float64).ravel() for v in values])
        said = self._exchange(flat, np.zeros(0))
        at = 0
        for variable, value in zip(variables, values, strict=True):
            part = said[at : at + value.size]
            variable.assign(part.astype(value.dtype).reshape(value.shape))
            at += value.size

    def _exchange(self, chief: Any, votes: Any) -> Any:
        # float64: a count of steps in float32 would stop at 16.8 million.
        return self._shared(tf.constant(chief), tf.constant(votes)).numpy()

    def _share(self, chief, votes):
        def on_each(chief, votes):
            context = tf.distribute.get_replica_context()
            is_first = tf.equal(context.replica_id_in_sync_group, 0)
            mine = tf.where(is_first, chief, tf.zeros_like(chief))
            total = tf.concat([mine, votes], axis=0)
            return context.all_reduce(tf.distribute.ReduceOp.SUM, total)

        return local(self._strategy, self._strategy.run(on_each, args=(chief, votes)))


def local(strategy: Any, value: Any) -> Any:
    """Returns one of the copies of what is the same on every device."""
    return strategy.experimental_local_results(value)[0]
