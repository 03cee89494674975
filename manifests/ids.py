"""Ids made from content: the same thing has one id everywhere, and changed settings never mix."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from deepaq.files import file_sha256

ID_LENGTH = 24  # hexadecimal digits: 96 bits


def track_id(path: Path) -> str:
    """Id of a source file: a hash of its bytes; the name does not matter."""
    return file_sha256(path)[:ID_LENGTH]


def reference_id(samples: npt.NDArray[np.float32], sample_rate: int) -> str:
    """Id of a clip: a hash of its (frames, channels) float32 samples and its rate in Hz."""
    digest = hashlib.sha256(f"{sample_rate}:{samples.shape}:".encode())
    digest.update(np.ascontiguousarray(samples, dtype="<f4").tobytes())
    return digest.hexdigest()[:ID_LENGTH]


def settings_id(settings: Mapping[str, Any]) -> str:
    """Id of settings: a hash of their canonical JSON."""
    text = json.dumps(settings, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return joined_id(text)


def joined_id(*parts: str) -> str:
    """Id of a tuple of strings, such as (reference_id, condition_id) or file names with undecodable bytes."""
    return hashlib.sha256("\x1f".join(parts).encode(errors="surrogateescape")).hexdigest()[:ID_LENGTH]


def matches(condition: str, patterns: Iterable[str]) -> bool:
    """Return whether a condition's readable name matches one of the shell patterns, such as `opus-*`; case counts."""
    return any(fnmatchcase(condition, pattern) for pattern in patterns)
