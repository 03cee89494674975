"""A recipe: every setting of a training run, read from TOML and changed by `-o key=value`."""

from __future__ import annotations

import tomllib
import typing
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from difflib import get_close_matches
from importlib import resources
from pathlib import Path
from typing import Any

from deepaq.errors import UserError


@dataclass(frozen=True)
class Data:
    """What a batch is made of.

    raters: names and weights of the raters whose values, averaged, are the label. segment_s: length of the segments.
    clips, versions: a batch holds this many clips, each in this many versions, the clean one among them.
    rows: size of a batch of whole clips, for networks with a head of their own for non-matching references.
    rows_codecs_only: leave distortions without a codec out of those.
    """

    raters: Mapping[str, float] = field(default_factory=lambda: {"visqol": 1.0})
    segment_s: float = 4.0
    clips: int = 4
    versions: int = 8
    rows: int = 96
    rows_codecs_only: bool = True


@dataclass(frozen=True)
class Objective:
    """Weights of the loss's terms: Rank-N-Contrast over the MOS and over the bitrate, regression to the MOS."""

    mos: float = 1.0
    bitrate: float = 1.0
    regression: float = 0.0


@dataclass(frozen=True)
class Contrast:
    """tau: temperature. literal_bitrate: label by the bitrate itself, clean infinite, instead of ranks."""

    tau: float = 2.0
    literal_bitrate: bool = False


@dataclass(frozen=True)
class Optimiser:
    """AdamW. schedule: `plateau` (x `decay` after `patience` epochs without improvement), `cosine` or `constant`.

    clip_weight_decay: of the head for non-matching references, where there is one. gradient_clip: largest norm.
    """

    lr: float = 1e-4
    weight_decay: float = 0.01
    clip_weight_decay: float = 0.01
    schedule: str = "plateau"
    decay: float = 0.99
    patience: int = 10
    gradient_clip: float = 1.0

    def __post_init__(self) -> None:
        if self.schedule not in ("plateau", "cosine", "constant"):
            raise UserError(f"optimiser.schedule={self.schedule}: plateau, cosine or constant")


@dataclass(frozen=True)
class Evaluation:
    """clips: how many held-out clips are judged every epoch, 0 for all. references: clean training clips that serve
    as non-matching references."""

    clips: int = 0
    references: int = 20


@dataclass(frozen=True)
class Recipe:
    """backbone: its registered name, and options for it. max_steps: optimiser steps. epoch_steps: steps between two
    evaluations; 0 is once through the training clips."""

    name: str = ""
    backbone: Mapping[str, Any] = field(default_factory=lambda: {"name": "compact"})
    data: Data = field(default_factory=Data)
    full: Objective = field(default_factory=Objective)
    unmatched: Objective = field(default_factory=Objective)
    contrast: Contrast = field(default_factory=Contrast)
    optimiser: Optimiser = field(default_factory=Optimiser)
    evaluation: Evaluation = field(default_factory=Evaluation)
    max_steps: int = 1000
    epoch_steps: int = 0
    seed: int = 0

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def names() -> list[str]:
    """The recipes that come with the package."""
    return sorted(path.name.removesuffix(".toml") for path in resources.files("training.recipes").iterdir()
                  if path.name.endswith(".toml"))  # fmt: skip


def load(recipe: str, overrides: Iterable[str] = ()) -> Recipe:
    """A recipe by name, or a TOML file of one's own, with `key=value` overrides such as `optimiser.lr=1e-3`."""
    path = Path(recipe)
    if path.suffix == ".toml":
        if not path.is_file():
            raise UserError(f"--recipe {recipe}: no such file")
        text = path.read_text()
    elif recipe in names():
        text = (resources.files("training.recipes") / f"{recipe}.toml").read_text()
    else:
        raise UserError(f"--recipe {recipe}: unknown; known are {', '.join(names())}, or a TOML file of your own")
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"--recipe {recipe}: is not valid TOML ({error})") from None
    for override in overrides:
        _override(content, override)
    return typing.cast(Recipe, _make(Recipe, {"name": path.stem, **content}, ""))


def _override(content: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals:
        raise UserError(f"-o {override}: write key=value")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text  # a bare word
    place = content
    *sections, last = key.split(".")
    for section in sections:
        place = place.setdefault(section, {})
        if not isinstance(place, dict):
            raise UserError(f"-o {override}: {section} has no settings of its own")
    place[last] = value


def _make(kind: type, content: Mapping[str, Any], where: str) -> Any:
    """A settings class from a TOML table; UserError for unknown keys and values of the wrong type."""
    types_of = typing.get_type_hints(kind)
    known = [entry.name for entry in fields(kind)]
    arguments = {}
    for key, value in content.items():
        if key not in known:
            near = get_close_matches(key, known, 1)
            hint = f"did you mean {near[0]}" if near else f"known are {', '.join(known)}"
            raise UserError(f"recipe: {where}{key} is unknown; {hint}")
        arguments[key] = _value(types_of[key], value, f"{where}{key}")
    return kind(**arguments)


def _value(kind: Any, value: Any, where: str) -> Any:
    if is_dataclass(kind):
        if not isinstance(value, Mapping):
            raise UserError(f"recipe: {where} is a section, set {where}.KEY")
        return _make(typing.cast(type, kind), value, f"{where}.")
    if typing.get_origin(kind) is not None:  # a mapping of its own
        if not isinstance(value, Mapping):
            raise UserError(f"recipe: {where} is a section, set {where}.KEY")
        return value
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise UserError(f"recipe: {where}={value!r} is not of type {kind.__name__}")
    return value
