"""The contract of readers of listening tests, and their registry."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deepaq.errors import UserError
from deepaq.registry import Registry, check_class
from labels.listening.files import find as find  # re-exported, like rows, for readers in other packages
from labels.listening.rows import number
from labels.listening.rows import rows as rows
from manifests import schema

HIGHER, LOWER = "higher", "lower"  # the better end of a scale


@dataclass(frozen=True)
class Stimulus:
    """One signal that listeners rated, in the test's own names.

    item: the trial. condition: the system under test. role: reference (the hidden one), anchor or coded.
    content: the class of the item. reference, degraded: files, which need not exist; degraded is None where the test
    ships no file, and `absent` says why. group: name of the stimuli whose common score is all that the test publishes.
    """

    item: str
    condition: str
    role: str
    content: str | None
    reference: Path | None
    degraded: Path | None
    absent: str | None = None
    group: str | None = None


@dataclass(frozen=True)
class Spread:
    """Spread of a published mean: 95 % confidence interval, standard deviation and number of listeners."""

    interval: tuple[float, float] | None = None
    deviation: float | None = None
    listeners: int = 0


@dataclass(frozen=True)
class Rating:
    """One listener's rating of a stimulus, or the listeners' mean if the test publishes only that (listener None).

    value: None if it is unusable; `error` then says why. spread: that of a published mean.
    """

    item: str
    condition: str
    listener: str | None
    value: float | None
    error: str | None = None
    spread: Spread | None = None


@dataclass
class Reading:
    """The content of a test. lowest, highest: range of a valid rating. problems: one line each."""

    lowest: float
    highest: float
    stimuli: dict[tuple[str, str], Stimulus] = field(default_factory=dict)
    ratings: dict[tuple[str, str, str | None], Rating] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    references: dict[str, Path] = field(default_factory=dict)  # by item
    folder: Path | None = None  # the test's own, outside which no audio is taken; that of PATH by default

    def rate(
        self,
        stimulus: Stimulus,
        listener: str | None,
        text: str,
        where: str,
        spread: Spread | None = None,
    ) -> None:
        """Add a rating as written in the file. where: its place for messages, such as "results.csv line 7".

        Leaves out a rating whose stimulus or item shares its name with another file or reference.
        """
        names = {"item": stimulus.item, "condition": stimulus.condition, "content": stimulus.content}
        for what, name in (names | {"group": stimulus.group, "listener": listener}).items():
            if name is not None and not is_name(name, least=1 if what == "condition" else 0):
                self.problems.append(
                    f"{where}: the {what} {name[:40]!r} is no name of 1 to 200 plain characters; left out"
                )
                return
        if clash := self._clash(stimulus):
            self.problems.append(f"{where}: {clash} than in an earlier line; left out, give each a name of its own")
            return
        key = (stimulus.item, stimulus.condition, listener)
        value, error = self._value(text)
        known = self.ratings.get(key)
        who = "" if listener is None else f" by {listener}"
        if known is not None and (known.value is not None or value is None):
            self.problems.append(
                f"{where}: {stimulus.condition} of {stimulus.item} is rated twice{who} ({known.value} and {text}); "
                "the first is kept"
            )
            return
        if error:
            self.problems.append(f"{where}: {stimulus.condition} of {stimulus.item}{who}: {error}")
        self.ratings[key] = Rating(*key, value, error, spread)

    def _clash(self, stimulus: Stimulus) -> str | None:
        """Describe the conflict with a known stimulus or item of the same name; None, and add it, if there is none."""
        known = self.stimuli.get((stimulus.item, stimulus.condition), stimulus)
        if known.degraded != stimulus.degraded:
            return f"{stimulus.condition} of {stimulus.item} is another file"
        if stimulus.reference is not None:
            if self.references.get(stimulus.item, stimulus.reference) != stimulus.reference:
                return f"{stimulus.item} has another reference"
            self.references[stimulus.item] = stimulus.reference
        self.stimuli.setdefault((stimulus.item, stimulus.condition), stimulus)
        return None

    def _value(self, text: str) -> tuple[float | None, str | None]:
        value = number(text)
        if value is None:
            return None, f"the rating {text.strip()!r} is not a number"
        if not self.lowest <= value <= self.highest:
            return None, f"the rating {value:g} is outside {self.lowest:g} to {self.highest:g}"
        return value, None


class Reader(ABC):
    """Reads one format and describes the test for reports.

    name: in the registry and in the tables. title: for people. scale: of the ratings, from lowest to highest. better:
    which end of the scale is the better one. needs_audio: ratings alone are not worth keeping. licence: of the
    ratings and audio. citation: what to cite.
    """

    name: str
    title: str
    scale: str
    lowest: float
    highest: float
    better: str = HIGHER
    needs_audio: bool = False
    licence: str
    citation: str

    @abstractmethod
    def read(self, path: Path) -> Reading:
        """Read stimuli and ratings of the test at `path`, a file or folder as distributed.

        Raises UserError if it is not a test of this format; faults in single lines go to the reading's problems.
        """

    def describe(self) -> dict[str, str | float]:
        """Description of the test for the manifest's footer."""
        names = ("name", "title", "scale", "lowest", "highest", "better", "licence", "citation")
        return {name: getattr(self, name) for name in names}


_BUILT_IN = {
    "csv": "labels.listening.table:Table",
    "igorc96": "labels.listening.igorc96:IgorC96",
    "odaq": "labels.listening.odaq:Odaq",
    "odaq-b1": "labels.listening.odaq:OdaqB1",
    "odaq-b2": "labels.listening.odaq:OdaqB2",
    "odaq-neural": "labels.listening.odaq:OdaqNeural",
    "odaq-stereo": "labels.listening.odaq:OdaqStereo",
    "peass": "labels.listening.sebass:Peass",
    "saoc": "labels.listening.sebass:Saoc",
    "sassec": "labels.listening.sebass:Sassec",
    "sisec08": "labels.listening.sebass:Sisec08",
    "stahl2024": "labels.listening.stahl2024:Stahl2024",
    "webmushra": "labels.listening.webmushra:WebMushra",
}


def _accepted(name: str, part: Any) -> type[Reader]:
    check_class(part, Reader)
    kind: type[Reader] = part
    return kind


READERS: Registry[type[Reader]] = Registry("listening test", "deepaq.listening_tests", _BUILT_IN, _accepted, "labels")


def reader(name: str, /, **options: str) -> Reader:
    """Make the reader registered as `name`; raises UserError for an unknown name."""
    kind = READERS[name]
    try:
        return kind(**options)
    except TypeError:
        if not options:
            raise
        raise UserError(f"{name} states its {', '.join(options)} itself; leave that out") from None


def described(name: str, kind: type[Reader]) -> dict[str, str]:
    """Description of a format for people: title, scale and licence."""
    test = reader(name)
    scale = f"{test.scale}, {test.lowest:g} to {test.highest:g}"
    return {"title": test.title or "one's own", "scale": scale, "licence": test.licence, "citation": test.citation}


_NAME = re.compile(r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]*")
LONGEST = 200  # characters of a name


def is_name(text: str, least: int = 1) -> bool:
    """Return whether a text can be a name in the tables: at most 200 characters, none of them a control character."""
    return least <= len(text) <= LONGEST and _NAME.fullmatch(text) is not None


_LOW_PASS = re.compile(r"(lp|lowpass)(35|70|(3\.5|7)(khz|k)?|(3500|7000)(hz)?)")  # MUSHRA's anchors


def role_of(condition: str) -> str:
    """Role of a condition by its name: reference or anchor for their usual names, else coded."""
    name = re.sub(r"[\s_-]", "", condition.lower())
    if name in {"reference", "ref", "hiddenref", "hiddenreference", "orig", "original"}:
        return schema.REFERENCE
    return schema.ANCHOR if "anchor" in name or _LOW_PASS.fullmatch(name) else schema.CODED
