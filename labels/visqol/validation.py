"""What must not reach ViSQOL: it would give wrong or no numbers without complaint."""

from __future__ import annotations

import numpy as np

from deepaq.audio import Samples, is_silent
from deepaq.errors import UserError

SHORTEST_S = 1.0


def validate(samples: Samples, sample_rate: int, what: str) -> None:
    """UserError unless `samples` is mono float32 or float64, finite, audible and at least one second long."""
    if samples.ndim != 1:
        raise UserError(f"the {what} has shape {samples.shape}; ViSQOL takes mono, mix it down")
    if samples.dtype not in (np.float32, np.float64):
        raise UserError(f"the {what} is {samples.dtype}; ViSQOL takes floating point within -1 to 1")
    if len(samples) < SHORTEST_S * sample_rate:
        raise UserError(f"the {what} lasts {len(samples) / sample_rate:.2f} s; ViSQOL needs {SHORTEST_S:g} s")
    if not np.isfinite(samples).all():
        raise UserError(f"the {what} holds NaN or infinite samples")
    if is_silent(samples):
        raise UserError(f"the {what} is silent")
