"""What every rater offers, and the registry through which one is found by name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from importlib.util import find_spec
from inspect import signature
from re import fullmatch
from typing import Any, ClassVar

import numpy as np

from deepaq.audio import Samples, is_silent
from deepaq.errors import UserError
from deepaq.registry import Registry, check_class


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

NETWORK = "model_sha256"  # among a rater's tools: of a network that its user may replace


class Rater(ABC):
    """Rates degraded versions against their reference.

    sample_rate: Hz at which it listens. channels: 1 (the channels' mean) or 2. scale: what the value means.
    identity: the value of a reference against itself, None if it is not always about the same. higher_is_better: False
    for distances. aligned: whether the job finds the lag and trims both to their common part first, for raters that do
    not do so themselves. shortest_s: least length in seconds. requires: optional packages, by what is imported.
    needs: options without which it cannot rate.
    A rater is pickled; options are keyword arguments of its constructor, all text.
    """

    name: str
    scale: str
    sample_rate: int
    channels: ClassVar[int] = 1
    identity: float | None
    higher_is_better: bool = True
    aligned: ClassVar[bool] = False
    shortest_s: ClassVar[float] = 0.0
    requires: ClassVar[tuple[str, ...]] = ()
    needs: ClassVar[tuple[str, ...]] = ()
    install: ClassVar[str] = "'deepaq[baselines]'"  # what pip is told to bring those

    @abstractmethod
    def judge(self, reference: Samples) -> Judge:
        """Do the reference's share of the work once and return what rates degraded versions of it.

        reference: float32, (frames,) or (frames, 2) at `sample_rate`; the versions have as many channels, and as many
        frames where the rater is `aligned`, else as many as their files have.
        Both steps raise UserError for sound that cannot be rated.
        """

    def warm_up(self) -> None:  # noqa: B027 - most raters have nothing to prepare
        """Pay one-time costs, such as compilation to a disk cache, before worker processes start."""

    def tools(self) -> dict[str, str]:
        """Versions of what does the work, for the manifest's footer; NETWORK where there is such."""
        return {}

    def check(self, samples: Samples, what: str) -> None:
        """UserError unless `samples` is floating point, finite, audible, long enough and of the shape asked for."""
        if samples.ndim != self.channels or samples.shape[1:] not in ((), (2,)):
            wanted = "(frames,)" if self.channels == 1 else "(frames, 2)"
            raise UserError(f"the {what} has shape {samples.shape}; {self.name} takes {wanted}")
        if not np.issubdtype(samples.dtype, np.floating):
            raise UserError(f"the {what} is {samples.dtype}; {self.name} takes floating point within -1 to 1")
        if not len(samples) or len(samples) < self.shortest_s * self.sample_rate:
            seconds = len(samples) / self.sample_rate
            raise UserError(f"the {what} lasts {seconds:.2f} s; {self.name} needs {self.shortest_s:g} s")
        if not np.isfinite(samples).all():
            raise UserError(f"the {what} holds NaN or infinite samples")
        if is_silent(samples):
            raise UserError(f"the {what} is silent")

    def check_pair(self, reference: Samples, degraded: Samples) -> None:
        """`check` of the degraded version, which must be as long as the reference."""
        self.check(degraded, "degraded version")
        if len(reference) != len(degraded):
            raise UserError(f"the degraded version has {len(degraded)} frames, the reference {len(reference)}")


_BUILT_IN = {
    "visqol": "labels.raters.visqol:Visqol",
    "peaq": "labels.raters.peaq.rater:Peaq",
    "2f": "labels.raters.twof:TwoF",
    "haaqi": "labels.raters.haaqi:Haaqi",
    "zimtohrli": "labels.raters.zimtohrli:Zimtohrli",
    "pesq": "labels.raters.pesq:Pesq",
    "stoi": "labels.raters.stoi:Stoi",
    "si-sdr": "labels.raters.sisdr:SiSdr",
    "lsd": "labels.raters.lsd:LogSpectralDistance",
    "log-mel": "labels.raters.logmel:LogMel",
    "consensus": "labels.raters.consensus:Consensus",
    "visqol-speech": "labels.raters.visqol:VisqolSpeech",
    "fad": "labels.raters.fad:Fad",
    "fad-clap": "labels.raters.fad:FadClap",
    "onnx": "labels.raters.onnx:Onnx",
    "deepaq-fr": "labels.raters.deepaq:DeepaqFr",
    "deepaq-nmr": "labels.raters.deepaq:DeepaqNmr",
}


def _accepted(name: str, part: Any) -> type[Rater]:
    check_class(part, Rater, ("scale", "sample_rate", "identity"))
    if part.channels not in (1, 2):
        raise ValueError(f"channels are 1 or 2, not {part.channels}")
    kind: type[Rater] = part
    return kind


RATERS: Registry[type[Rater]] = Registry("rater", "deepaq.raters", _BUILT_IN, _accepted)


def rater(name: str, **options: str) -> Rater:
    """A rater by its registered name, to which a tag may be added: `fad+layer6` is `fad` with options of one's own.

    UserError for an unknown name, option or value, or when a package that it needs is missing.
    """
    kind = _kind(name)
    _require(kind, name)
    with attributed(name):
        found = kind(**all_options(name, options))
    found.name = name
    return found


def described(name: str, kind: type[Rater]) -> dict[str, str]:
    """For people: what a rater's value is, its options with their defaults, whether it can be used here."""
    options = [
        f"{key} (needed)" if key in kind.needs else f"{key}={default}" if default else key
        for key, default in all_options(name, {}).items()
    ]
    try:
        _require(kind, name)
        if not kind.needs:
            rater(name)
        here = "yes"
    except UserError as error:
        here = str(error)
    better = "higher" if kind.higher_is_better else "lower"
    return {"value": f"{kind.scale}, {better} is better", "options": ", ".join(options) or "none", "here": here}


def all_options(name: str, given: Mapping[str, str]) -> dict[str, str]:
    """The options that the rater `name` works with: those given, else its defaults; UserError for unknown ones."""
    known = {option.name: option.default for option in signature(_kind(name)).parameters.values()}
    if unknown := set(given) - set(known):
        raise UserError(f"rater {name} has no option {min(unknown)!r}; known are {', '.join(known) or 'none'}")
    return known | dict(given)


def _require(kind: type[Rater], name: str) -> None:
    for package in kind.requires:
        if find_spec(package) is None:
            raise UserError(f"rater {name} needs the package {package}; pip install {kind.install}")


def _kind(name: str) -> type[Rater]:
    base, plus, tag = name.partition("+")
    kind = RATERS[base]
    if plus and not fullmatch(r"[\w.-]+", tag):
        raise UserError(f"rater {name!r}: a tag is made of letters, digits, '.', '_' and '-'")
    return kind


def attributed(name: str) -> AbstractContextManager[None]:
    """Within it, what the rater of an installed package raises is a UserError that names the package."""
    return RATERS.attributed(_base(name))


def packages(name: str) -> dict[str, str]:
    """Version of the installed package that a rater comes from, by the package's name; empty for a built-in one."""
    return RATERS.packages([_base(name)])


def _base(name: str) -> str:
    return name.partition("+")[0]
