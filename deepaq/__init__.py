"""Perceptual audio quality: score degraded audio the way listeners would.

    import deepaq
    metric = deepaq.load()
    result = metric.score("reference.wav", "degraded.mp3")

Nothing heavy is imported until it is used, so that the commands start quickly.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deepaq.metric import Metric, load
    from deepaq.module import Distance, Quality
    from deepaq.references import References
    from deepaq.score import Score, Segment

__version__ = "0.1.0"
__all__ = ["Distance", "Metric", "Quality", "References", "Score", "Segment", "__version__", "load"]

_HOMES = {
    "Distance": "deepaq.module",
    "Metric": "deepaq.metric",
    "Quality": "deepaq.module",
    "References": "deepaq.references",
    "Score": "deepaq.score",
    "Segment": "deepaq.score",
    "load": "deepaq.metric",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'deepaq' has no attribute {name!r}")
