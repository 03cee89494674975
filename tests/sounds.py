"""Small deterministic sounds and files for tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from deepaq.testing import RATE, music

__all__ = ["RATE", "music", "write"]


def write(path: Path, samples: npt.NDArray[np.float32], rate: int = RATE, subtype: str = "PCM_16") -> Path:
    """Write samples to a WAV or FLAC file, by the suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate, subtype=subtype)
    return path
