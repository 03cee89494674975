"""What every rater offers, and the registry through which one is found by name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from inspect import signature
from typing import ClassVar

from deepaq.audio import Samples
from deepaq.errors import UserError


@dataclass(frozen=True)
class Rating:
    """A rater's answer for one pair: a finite value on the rater's scale, and whatever else it measured.

    timeline: values of overlapping stretches of the pair on the same scale, None where a stretch has none; then the
    extras hold timeline_start_s, timeline_hop_s and timeline_window_s, seconds.
    """

    value: float
    extras: Mapping[str, float] = field(default_factory=dict)
    timeline: Sequence[float | None] | None = None


Judge = Callable[[Samples], Rating]


class Rater(ABC):
    """Rates degraded versions against their reference.

    sample_rate: Hz at which it listens. channels: 1 (the channels' mean) or 2. scale: what the value means.
    identity: the value of a reference against itself. higher_is_better: False for distances.
    """

    name: ClassVar[str]
    scale: ClassVar[str]
    sample_rate: ClassVar[int]
    channels: ClassVar[int] = 1
    identity: ClassVar[float]
    higher_is_better: ClassVar[bool] = True

    @abstractmethod
    def judge(self, reference: Samples) -> Judge:
        """Do the reference's share of the work once and return what rates degraded versions of it.

        reference: float32, (frames,) or (frames, 2) at `sample_rate`; the versions have the same shape.
        Both steps raise UserError for sound that cannot be rated.
        """

    def warm_up(self) -> None:  # noqa: B027 - most raters have nothing to prepare
        """Pay one-time costs, such as compilation to a disk cache, before worker processes start."""

    def tools(self) -> dict[str, str]:
        """Versions of what does the work, for the manifest's footer."""
        return {}


# name -> module:class; adding a rater is one file and one line here.
RATERS = {
    "visqol": "labels.visqol:Visqol",
    "visqol-speech": "labels.visqol:VisqolSpeech",
}


def rater(name: str, **options: str) -> Rater:
    """A rater by its registered name; UserError for an unknown name, option or value."""
    if name not in RATERS:
        raise UserError(f"rater {name!r} is unknown; known are {', '.join(sorted(RATERS))}")
    module, _, attribute = RATERS[name].partition(":")
    kind = getattr(import_module(module), attribute)
    known = set(signature(kind).parameters)
    if unknown := set(options) - known:
        raise UserError(f"rater {name} has no option {min(unknown)!r}; known are {', '.join(sorted(known)) or 'none'}")
    found: Rater = kind(**options)
    return found
