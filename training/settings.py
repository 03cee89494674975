"""The settings of a training run, and what they may be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from re import fullmatch
from typing import Any

from deepaq.errors import UserError
from manifests.split import SPLITS, TRAIN, VALID

HOW = ("device", "precision", "compile", "save_steps")  # settings of a run that are the computer's affair


@dataclass(frozen=True)
class Data:
    """What a batch is made of.

    raters: names and weights of the raters whose values, moved to a scale of 1 to 5 and averaged, are the label.
    teachers: further raters whose values, moved to the same scale, are averaged with the label for certain conditions,
    as `"2f" = ["musical-noise-*"]`; see `training.data.teachers`.
    ensemble: run folders of trained networks, the mean of whose MOS is averaged with the labels to train on; see
    `training.loop.distil`.
    segment_s: length of the segments. clips, versions: a batch holds this many clips, each in this many versions, the
    clean one among them; several processes share the clips. segment_labels: take the label of a segment from
    the raters' timelines, where there are any, instead of the whole clip's. share: of the training clips, 0 to 1;
    smaller shares are parts of larger ones. fold: `i/n` holds out the i-th of n parts of the songs, for
    cross-validation, instead of the data set's own split. without_codecs: codecs that are kept from training, so that
    the held-out clips show how well an unknown codec is judged. rows: size of a batch of whole clips, for networks with
    a head of their own for non-matching references. rows_distorted: the share of distortions without a codec among
    those. splits: which of the data set's splits there are for this; listening tests are imported as `test`.
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
    splits: tuple[str, ...] = (TRAIN, VALID)

    def __post_init__(self) -> None:
        _require(self.clips >= 1 and self.versions >= 2, "data.clips is at least 1, data.versions at least 2")
        _require(0 <= self.rows_distorted <= 1, f"data.rows_distorted={self.rows_distorted:g}: from 0 to 1")
        _require(0 < self.share <= 1, f"data.share={self.share:g}: more than 0 and at most 1")
        _require(self.part is None or 1 <= self.part[0] <= self.part[1] > 1, f"data.fold={self.fold}: i/n, such as 1/3")
        for name, conditions in self.teachers.items():
            words = isinstance(conditions, list | tuple) and all(isinstance(word, str) for word in conditions)
            _require(words, f'data.teachers.{name}={conditions!r}: a list of conditions, such as ["dropouts-*"]')
        _require(self.segment_s > 0, f"data.segment_s={self.segment_s:g}: more than 0")
        _require(self.rows >= 1, f"data.rows={self.rows}: at least 1")
        for name, weight in self.raters.items():
            _require(is_number(weight) and weight > 0, f"data.raters.{name}={weight!r}: a weight, more than 0")
        unknown = set(self.splits) - set(SPLITS)
        _require(not unknown and bool(self.splits), f"data.splits={list(self.splits)}: of {', '.join(SPLITS)}")

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

    def __post_init__(self) -> None:
        for name, weight in asdict(self).items():
            _require(weight >= 0, f"a loss's weight {name}={weight:g}: at least 0")
        _require(any(asdict(self).values()), "a loss needs a weight above 0: mos, bitrate or regression")


@dataclass(frozen=True)
class Contrast:
    """Rank-N-Contrast. tau: temperature. normalise: compare directions of the embedding only.

    literal_bitrate: label by the bitrate itself, clean infinite, around coded samples only; else by steps below clean,
    around clean samples too. printed: divide by N - 1 and by N as the paper prints it, the label being the bitrate.
    scope: of the printed bitrate term; compare a coded sample with its `codec` and clean samples, or with `all`.
    within_clip: compare degraded clips of the same reference only. severities: rank the severities of a distortion
    like the bitrates of a codec.
    """

    tau: float = 2.0
    normalise: bool = False
    literal_bitrate: bool = False
    printed: bool = False
    scope: str = "codec"
    within_clip: bool = False
    severities: bool = False

    def __post_init__(self) -> None:
        _require(self.tau > 0, f"contrast.tau={self.tau:g}: more than 0")
        _choice("contrast.scope", self.scope, ("codec", "all"))

    @property
    def bitrate_as_label(self) -> bool:
        """Labels of the bitrate term are bitrates, not steps below clean."""
        return self.literal_bitrate or self.printed


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
        for name in ("lr", "decay", "gradient_clip"):
            _require(getattr(self, name) > 0, f"optimiser.{name}={getattr(self, name):g}: more than 0")
        for name in ("weight_decay", "clip_weight_decay", "patience", "warmup_steps"):
            _require(getattr(self, name) >= 0, f"optimiser.{name}={getattr(self, name):g}: at least 0")
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
        _require(self.clips >= 0, f"evaluation.clips={self.clips}: at least 0, which is all")
        _require(self.references >= 1, f"evaluation.references={self.references}: at least 1")
        _choice("evaluation.criterion", self.criterion, ("full", "unmatched", "both"))


@dataclass(frozen=True)
class Run:
    """How the computer goes about it; what `HOW` names changes nothing of what is learned beyond rounding.

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
        _require(bool(fullmatch(r"auto|cpu|cuda(:\d+)?", self.device)), f"run.device={self.device}: auto, cpu or cuda")
        for name in ("save_steps", "stop_after"):
            _require(getattr(self, name) >= 0, f"run.{name}={getattr(self, name)}: at least 0")
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
        _require(self.epoch_steps >= 0, f"epoch_steps={self.epoch_steps}: at least 0")
        _require(self.seed >= 0, f"seed={self.seed}: at least 0")

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def is_number(value: Any) -> bool:
    """True and False are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _require(fulfilled: bool, message: str) -> None:
    if not fulfilled:
        raise UserError(f"recipe: {message}")


def _choice(key: str, value: str, choices: tuple[str, ...]) -> None:
    _require(value in choices, f"{key}={value}: {', '.join(choices[:-1])} or {choices[-1]}")
