"""visqol-python as it is shipped: the oracle, and the judge of what is too close to call."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from labels.visqol.mode import Mode


@cache
def manager(mode: Mode) -> Any:
    """The package's manager, one per mode and process."""
    from visqol import VisqolApi

    api = VisqolApi()
    api.create(mode=mode.name)
    return api._manager


def measure(reference: npt.NDArray[np.floating], degraded: npt.NDArray[np.floating], mode: Mode) -> Any:
    """The package's own result for one pair."""
    from visqol.audio_utils import AudioSignal

    return manager(mode).run_from_signals(
        AudioSignal(reference, mode.sample_rate), AudioSignal(degraded, mode.sample_rate)
    )
