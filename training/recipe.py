"""A recipe: every setting of a training run, read from TOML and changed by `-o key=value`."""

from __future__ import annotations

import copy
import itertools
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

    raters: names and weights of the raters whose values, moved to a scale of 1 to 5 and averaged, are the label.
    teachers: further raters whose values, moved to the same scale, are averaged with the label for certain conditions,
    as `"2f" = ["musical-noise-*"]`; see `training.teachers`.
    ensemble: run folders of trained networks, the mean of whose MOS is averaged with the labels to train on; see
    `training.distil`.
    segment_s: length of the segments. clips, versions: a batch holds this many clips, each in this many versions, the
    clean one among them; several processes share the clips. segment_labels: take the label of a segment from
    the raters' timelines, where there are any, instead of the whole clip's. share: of the training clips, 0 to 1;
    smaller shares are parts of larger ones. fold: `i/n` holds out the i-th of n parts of the songs, for
    cross-validation, instead of the data set's own split. without_codecs: codecs that are kept from training, so that
    the held-out clips show how well an unknown codec is judged. rows: size of a batch of whole clips, for networks with
    a head of their own for non-matching references. rows_distorted: the share of distortions without a codec among
    those.
    """

    raters: Mapping[str, float] = field(default_factory=lambda: {"visqol": 1.0})
    teachers: Mapping[str, Any] = field(default_factory=dict)
    ensemble: tuple[str, ...] = ()
    segment_s: float = 4.0
    clips: int = 4
    versions: int = 8
    segment_labels: bool = True
    share: float = 1.0
    fold: str = ""
    without_codecs: tuple[str, ...] = ()
    rows: int = 96
    rows_distorted: float = 0.0

    def __post_init__(self) -> None:
        _require(self.clips >= 1 and self.versions >= 2, "data.clips is at least 1, data.versions at least 2")
        _require(0 <= self.rows_distorted <= 1, f"data.rows_distorted={self.rows_distorted:g}: from 0 to 1")
        _require(0 < self.share <= 1, f"data.share={self.share:g}: more than 0 and at most 1")
        _require(self.part is None or 1 <= self.part[0] <= self.part[1] > 1, f"data.fold={self.fold}: i/n, such as 1/3")
        for name, conditions in self.teachers.items():
            words = isinstance(conditions, list | tuple) and all(isinstance(word, str) for word in conditions)
            _require(words, f'data.teachers.{name}={conditions!r}: a list of conditions, such as ["dropouts-*"]')
        _require(self.segment_s > 0, f"data.segment_s={self.segment_s:g}: more than 0")

    @property
    def part(self) -> tuple[int, int] | None:
        """`fold` as two numbers, (0, 0) when it is not of that form."""
        if not self.fold:
            return None
        place, slash, parts = self.fold.partition("/")
        return (int(place), int(parts)) if slash and place.isdecimal() and parts.isdecimal() else (0, 0)


@dataclass(frozen=True)
class Objective:
    """Weights of the loss's terms: Rank-N-Contrast over the MOS and over the bitrate, regression to the MOS."""

    mos: float = 1.0
    bitrate: float = 1.0
    regression: float = 0.0


@dataclass(frozen=True)
class Contrast:
    """tau: temperature. normalise: compare directions of the embedding only. literal_bitrate: label by the bitrate
    itself, clean infinite, around coded samples only, as the paper writes it; else by steps below clean."""

    tau: float = 2.0
    normalise: bool = False
    literal_bitrate: bool = False

    def __post_init__(self) -> None:
        _require(self.tau > 0, f"contrast.tau={self.tau:g}: more than 0")


@dataclass(frozen=True)
class Optimiser:
    """AdamW. schedule: `plateau` (x `decay` after `patience` epochs without improvement), `cosine` or `constant`.

    warmup_steps: over which the rate rises from 0. clip_weight_decay: of the head for non-matching references, where
    there is one. gradient_clip: largest norm.
    """

    lr: float = 1e-4
    weight_decay: float = 0.01
    clip_weight_decay: float = 0.01
    schedule: str = "plateau"
    decay: float = 0.99
    patience: int = 10
    warmup_steps: int = 0
    gradient_clip: float = 1.0

    def __post_init__(self) -> None:
        _require(self.lr > 0, f"optimiser.lr={self.lr:g}: more than 0")
        _choice("optimiser.schedule", self.schedule, ("plateau", "cosine", "constant"))


@dataclass(frozen=True)
class Evaluation:
    """clips: how many held-out clips are judged every epoch, 0 for all. references: clean training clips that serve
    as non-matching references. criterion: whose Spearman correlation says whether an epoch was an improvement:
    `full`, `unmatched`, or the sum of `both`."""

    clips: int = 0
    references: int = 20
    criterion: str = "both"

    def __post_init__(self) -> None:
        _choice("evaluation.criterion", self.criterion, ("full", "unmatched", "both"))


@dataclass(frozen=True)
class Run:
    """How the computer goes about it; the first four change nothing of what is learned beyond rounding.

    device: `cpu`, `cuda` or `auto`. precision: `float32`, or `bfloat16` for autocast of the network in training.
    compile: by torch.compile. save_steps: steps between two saved states, 0 for once per epoch. stop_after: epochs
    without improvement after which training ends, 0 for never. keep: the `last` network or the `best` epoch's.
    mapping: distance to MOS by `cubic`, `mlp` or `exponential`, fitted to the held-out clips; `auto` takes the curve
    that regression learned where there was regression, else the cubic.
    """

    device: str = "auto"
    precision: str = "float32"
    compile: bool = False
    save_steps: int = 0
    stop_after: int = 0
    keep: str = "last"
    mapping: str = "auto"

    def __post_init__(self) -> None:
        _choice("run.precision", self.precision, ("float32", "bfloat16"))
        _choice("run.keep", self.keep, ("last", "best"))
        _choice("run.mapping", self.mapping, ("auto", "cubic", "mlp", "exponential"))


@dataclass(frozen=True)
class Recipe:
    """backbone: its registered name, and options for it. max_steps: optimiser steps. epoch_steps: steps between two
    evaluations; 0 is once through the training clips. seed: of everything that is random."""

    name: str = ""
    backbone: Mapping[str, Any] = field(default_factory=lambda: {"name": "compact"})
    data: Data = field(default_factory=Data)
    full: Objective = field(default_factory=Objective)
    unmatched: Objective = field(default_factory=Objective)
    contrast: Contrast = field(default_factory=Contrast)
    optimiser: Optimiser = field(default_factory=Optimiser)
    evaluation: Evaluation = field(default_factory=Evaluation)
    run: Run = field(default_factory=Run)
    max_steps: int = 1000
    epoch_steps: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        _require(self.max_steps >= 1, f"max_steps={self.max_steps}: at least 1")

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def _require(fulfilled: bool, message: str) -> None:
    if not fulfilled:
        raise UserError(f"recipe: {message}")


def _choice(key: str, value: str, choices: tuple[str, ...]) -> None:
    _require(value in choices, f"{key}={value}: {', '.join(choices[:-1])} or {choices[-1]}")


def names() -> list[str]:
    """The recipes that come with the package."""
    found = (path.name for path in resources.files("training.recipes").iterdir())
    return sorted(name.removesuffix(".toml") for name in found if name.endswith(".toml"))


def purpose(name: str) -> str:
    """What a recipe is for: the first sentence of the comment at its head."""
    lines = (resources.files("training.recipes") / f"{name}.toml").read_text().splitlines()
    head = [line.removeprefix("#").strip() for line in itertools.takewhile(lambda line: line.startswith("#"), lines)]
    return " ".join(head).partition(". ")[0].rstrip(".")


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
    if base := content.pop("base", None):
        content = _merged(asdict(load(str(base))), content)
    return from_json({"name": path.stem, **content} | {"name": path.stem}, overrides)


def from_json(content: Mapping[str, Any], overrides: Iterable[str] = ()) -> Recipe:
    """A recipe from what `to_json` gave, or from TOML's content, with overrides."""
    changed = copy.deepcopy(dict(content))
    for override in overrides:
        _override(changed, override)
    return typing.cast(Recipe, _make(Recipe, changed, ""))


def _merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with `changes` laid over it, table by table."""
    result = dict(base)
    for key, value in changes.items():
        inner = result.get(key)
        result[key] = _merged(inner, value) if isinstance(inner, Mapping) and isinstance(value, Mapping) else value
    return result


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
    if typing.get_origin(kind) is tuple:
        if not isinstance(value, list | tuple) or not all(isinstance(entry, str) for entry in value):
            raise UserError(f"recipe: {where}={value!r} is not a list of words, such as {where}='[\"opus\"]'")
        return tuple(value)
    if typing.get_origin(kind) is not None:  # a mapping of its own
        if not isinstance(value, Mapping):
            raise UserError(f"recipe: {where} is a section, set {where}.KEY")
        return value
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise UserError(f"recipe: {where}={value!r} is not of type {kind.__name__}")
    return value
