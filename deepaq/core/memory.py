"""A memory of embeddings: a reference is embedded once for all degraded clips made from it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from deepaq.audio import Samples

if TYPE_CHECKING:
    from torch import Tensor

CAPACITY = 2**28  # bytes


class Memory:
    """The embeddings of the signals that were used last, at most `capacity` bytes of them.

    Threads and forked processes may share it without a lock: at worst a signal is embedded again.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._points: dict[bytes, Tensor] = {}  # the one used last stands last

    @staticmethod
    def key(samples: Samples) -> bytes:
        """Return a digest of a signal, (frames,) or (frames, 2)."""
        return hashlib.sha1(np.ascontiguousarray(samples).data, usedforsecurity=False).digest() + bytes([samples.ndim])

    def get(self, key: bytes) -> Tensor | None:
        """Return what was kept under the key, or None."""
        points = self._points.pop(key, None)
        if points is not None:
            self._points[key] = points
        return points

    def keep(self, key: bytes, points: Tensor) -> None:
        """Keep an embedding, and forget those that were not used for longest if there is no room."""
        self._points[key] = points
        for oldest in list(self._points):
            if sum(kept.nbytes for kept in list(self._points.values())) <= self._capacity:
                break
            self._points.pop(oldest, None)
