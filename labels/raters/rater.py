"""The contract of raters, and their registry."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from importlib.util import find_spec
from inspect import signature
from re import fullmatch
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np

from deepaq.audio import Samples, is_silent
from deepaq.errors import UserError
from deepaq.registry import Registry, check_class


@dataclass(frozen=True)
class Rating:
    """Result for one pair: a finite value on the rater's scale, and extra measurements.

    timeline: values of overlapping segments on the same scale, None for a segment without a value; the extras then
    hold timeline_start_s, timeline_hop_s and timeline_window_s, in seconds.
    """

    value: float
    extras: Mapping[str, float] = field(default_factory=dict)
    timeline: Sequence[float | None] | None = None


Judge = Callable[[Samples], Rating]

DEVICE = "device"  # option of raters with a network: where it computes
NETWORK = "model_sha256"  # entry of a rater's tools: identifies a network that its user may replace


class Rater(ABC):
    """Rates degraded signals relative to their reference.

    sample_rate: sample rate of its input in Hz. channels: 1 (mean of the channels) or 2. scale: meaning of the value.
    identity: value of a reference compared with itself, None if it varies. higher_is_better: False for distances.
    aligned: True if the job should align the pair and trim it to the common part first, for raters that do not do so
    themselves. shortest_s: least length in seconds. batch: how many degraded signals `rate_batch` takes at once.
    requires: optional packages, by their import names. needs: options that are required. packages: version, by name, of
    the installed package that provides the rater; empty for a built-in one. Raters must be picklable; options are
    keyword arguments of the constructor, all of them text.
    """

    name: str
    scale: str
    sample_rate: int
    channels: ClassVar[int] = 1
    identity: float | None
    higher_is_better: bool = True
    aligned: ClassVar[bool] = False
    shortest_s: ClassVar[float] = 0.0
    batch: int = 1
    requires: ClassVar[tuple[str, ...]] = ()
    needs: ClassVar[tuple[str, ...]] = ()
    packages: Mapping[str, str] = MappingProxyType({})
    install: ClassVar[str] = "'deepaq[baselines]'"  # pip requirement that provides them

    @abstractmethod
    def judge(self, reference: Samples) -> Judge:
        """Prepare a reference and return a function that rates degraded signals of it.

        reference: float32, (frames,) or (frames, 2) at `sample_rate`. Degraded signals have the same number of
        channels and, if the rater is `aligned`, of frames. Both steps raise UserError for signals that cannot be rated.
        """

    def rate_batch(self, reference: Samples, degraded: Sequence[Samples]) -> list[Rating | UserError]:
        """Rate several degraded signals of a reference; one that cannot be rated gives its UserError.

        Raises UserError for the reference. For raters that compute with batches on a GPU; `aligned` ones do not.
        """
        judge = self.judge(reference)
        return [_rating(judge, samples) for samples in degraded]

    def warm_up(self) -> None:  # noqa: B027 - most raters have nothing to prepare
        """Do one-time work, such as compilation to a disk cache, before worker processes start."""

    def tools(self) -> dict[str, str]:
        """Versions of the software in use, and NETWORK if there is one, for the manifest's footer."""
        return {}

    def check(self, samples: Samples, what: str) -> None:
        """Raise UserError unless `samples` are floating point, finite, audible, long enough and of the right shape."""
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
        """Check the degraded signal, which must be as long as the reference."""
        self.check(degraded, "degraded signal")
        if len(reference) != len(degraded):
            raise UserError(f"the degraded signal has {len(degraded)} frames, the reference {len(reference)}")


def _rating(judge: Judge, degraded: Samples) -> Rating | UserError:
    try:
        return judge(degraded)
    except UserError as error:
        return error


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


RATERS: Registry[type[Rater]] = Registry("rater", "deepaq.raters", _BUILT_IN, _accepted, "labels")


def rater(name: str, **options: str) -> Rater:
    """Make the rater registered as `name`, which may have a tag: `fad+layer6` is `fad` with other options.

    Raises UserError for an unknown name, option or value, or if a required package is missing.
    """
    kind = _kind(name)
    _require(kind, name)
    with attributed(name):
        found = kind(**all_options(name, options))
    found.name, found.packages = name, RATERS.packages([_base(name)])
    return found


def described(name: str, kind: type[Rater]) -> dict[str, str]:
    """Describe a rater for people: its value, its options with defaults, and whether it is installed."""
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
    """All options of the rater `name`: those given, else its defaults; raises UserError for unknown ones."""
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
    if plus and not fullmatch(r"[\w.-]*[\w-]", tag):  # Windows drops a dot at the end of a folder's name
        raise UserError(f"rater {name!r}: a tag is made of letters, digits, '.', '_' and '-', and ends in no '.'")
    return kind


def attributed(name: str) -> AbstractContextManager[None]:
    """Turn exceptions of raters from installed packages into a UserError that names the package."""
    return RATERS.attributed(_base(name))


def _base(name: str) -> str:
    return name.partition("+")[0]
