"""Perceptual audio quality: estimate how listeners would rate degraded audio.

    import deepaq
    metric = deepaq.load()
    result = metric.score("reference.wav", "degraded.mp3")

Heavy imports are deferred until they are needed, so that the commands start quickly.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deepaq.explanation.explain import explain
    from deepaq.explanation.explanation import Explanation
    from deepaq.scoring.metric import Metric, load
    from deepaq.scoring.module import Distance, Quality
    from deepaq.scoring.references import References
    from deepaq.scoring.score import Score, Segment

__version__ = "0.1.0"
__all__ = [
    "Distance",
    "Explanation",
    "Metric",
    "Quality",
    "References",
    "Score",
    "Segment",
    "__version__",
    "explain",
    "load",
]

_HOMES = {
    "Distance": "deepaq.scoring.module",
    "Explanation": "deepaq.explanation.explanation",
    "Metric": "deepaq.scoring.metric",
    "Quality": "deepaq.scoring.module",
    "References": "deepaq.scoring.references",
    "Score": "deepaq.scoring.score",
    "Segment": "deepaq.scoring.score",
    "explain": "deepaq.explanation.explain",
    "load": "deepaq.scoring.metric",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        from deepaq.extras import required

        with required(f"deepaq.{name}", "train"):
            return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'deepaq' has no attribute {name!r}")
