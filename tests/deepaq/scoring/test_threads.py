"""The packaged metric takes one thread of NumPy's linear algebra, however many that may have."""

from __future__ import annotations

import numpy as np
from threadpoolctl import threadpool_limits

import deepaq
from tests.sounds import RATE, music


def test_a_score_is_the_same_to_the_last_bit_for_any_number_of_threads() -> None:
    metric, sound = deepaq.load(), music(12, 1)
    noisy = sound + np.float32(0.01) * np.random.default_rng(0).standard_normal(sound.shape, np.float32)
    found = []
    for threads in (1, 2, 5):
        with threadpool_limits(threads, user_api="blas"):
            score = metric.score(sound, noisy, sample_rate=RATE)
            found.append((score.distance, score.level_db, score.tracks, score.notes))
    assert found[0] == found[1] == found[2]
