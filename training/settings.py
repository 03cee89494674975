"""The settings of a training run and their valid values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from re import fullmatch
from typing import Any

from deepaq.errors import UserError
from manifests.split import SPLITS, TRAIN, VALID

HOW = ("device", "precision", "compile", "save_steps", "trace")  # settings that change nothing but rounding


@dataclass(frozen=True)
class Data:
    """Training data and batches.

    raters: names and weights of the raters whose values, mapped to 1 to 5 and averaged, are the label. teachers:
    further raters whose values are averaged with the label for certain conditions, as `"2f" = ["noise-*"]`; see
    `training.data.teachers`. ensemble: run folders of trained networks whose mean MOS is averaged with the training
    labels; see `training.loop.distil`. segment_s: length of the segments in seconds. batch: `clips` cuts the same
    segment from `versions` files of each of `clips` clips, the clean one among them; `shuffled` draws clips x
    versions segments from all files. Several processes share a batch. segment_labels: take the label of a segment
    from the raters' timelines, instead of the clip's. share: of the training clips, 0 to 1; smaller shares are
    parts of larger ones. fold: `i/n` holds out the i-th of n parts of the tracks instead of the data set's split.
    without_codecs: codecs that are left out of training, but not of the held-out clips. rows: size of a batch of
    whole clips, for networks with a separate head for non-matching references. rows_distorted: the share of
    distortions without a codec in it. splits: splits of the data set that are used; listening tests are imported as
    `test`. damaged_share: share of files that may be missing or unreadable; they are left out and listed in the run
    folder.
    """

    raters: Mapping[str, float] = field(default_factory=lambda: {"visqol": 1.0})
    teachers: Mapping[str, Any] = field(default_factory=dict)
    ensemble: tuple[str, ...] = ()
    segment_s: float = 4.0
    batch: str = "clips"
    clips: int = 4
    versions: int = 8
    segment_labels: bool = True
    share: float = 1.0
    fold: str = ""
    without_codecs: tuple[str, ...] = ()
    rows: int = 96
    rows_distorted: float = 0.0
    splits: tuple[str, ...] = (TRAIN, VALID)
    damaged_share: float = 0.01

    def __post_init__(self) -> None:
        _require(self.clips >= 1 and self.versions >= 2, "data.clips is at least 1, data.versions at least 2")
        _require(self.rows >= 1, f"data.rows={self.rows}: at least 1")
        _choice("data.batch", self.batch, ("clips", "shuffled"))
        _require(0 <= self.damaged_share < 1, f"data.damaged_share={self.damaged_share:g}: from 0 to less than 1")
        _require(0 <= self.rows_distorted <= 1, f"data.rows_distorted={self.rows_distorted:g}: from 0 to 1")
        _require(0 < self.share <= 1, f"data.share={self.share:g}: more than 0 and at most 1")
        _require(self.part is None or 1 <= self.part[0] <= self.part[1] > 1, f"data.fold={self.fold}: i/n, such as 1/3")
        for name, conditions in self.teachers.items():
            words = isinstance(conditions, list | tuple) and all(isinstance(word, str) for word in conditions)
            _require(words, f'data.teachers.{name}={conditions!r}: a list of conditions, such as ["dropouts-*"]')
        _require(self.segment_s > 0, f"data.segment_s={self.segment_s:g}: more than 0")
        for name, weight in self.raters.items():
            _require(is_number(weight) and weight > 0, f"data.raters.{name}={weight!r}: a weight, more than 0")
        unknown = set(self.splits) - set(SPLITS)
        _require(not unknown and bool(self.splits), f"data.splits={list(self.splits)}: of {', '.join(SPLITS)}")

    @property
    def part(self) -> tuple[int, int] | None:
        """`fold` as two numbers, (0, 0) if it has another form."""
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
    within_clip: compare degraded clips of one reference only. severities: rank those of a distortion like bitrates.
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
    """AdamW. schedule: `plateau` (x `decay` after more than `patience` epochs without improvement), `cosine` or
    `constant`.

    warmup_steps: over which the rate rises from 0. clip_weight_decay: of the separate head for non-matching references.
    gradient_clip: largest norm.
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
        for name, value in asdict(self).items():
            if name in ("lr", "decay", "gradient_clip"):
                _require(value > 0, f"optimiser.{name}={value:g}: more than 0")
            elif name != "schedule":
                _require(value >= 0, f"optimiser.{name}={value:g}: at least 0")
        _choice("optimiser.schedule", self.schedule, ("plateau", "cosine", "constant"))


@dataclass(frozen=True)
class Evaluation:
    """clips: how many held-out clips are judged every epoch, 0 for all. report: share of the held-out tracks that are
    kept from choosing the epoch and fitting the mapping, and from which the run's figures come; 0 takes all clips for
    both. references: clean training clips that serve as non-matching references. criterion: the Spearman correlation
    that an epoch has to improve: `full`, `unmatched`, or the sum of `both`."""

    clips: int = 0
    report: float = 0.0
    references: int = 20
    criterion: str = "both"

    def __post_init__(self) -> None:
        _require(0 <= self.report < 1, f"evaluation.report={self.report:g}: from 0 to less than 1")
        _require(self.references >= 1 and self.clips >= 0, "evaluation.references is at least 1, evaluation.clips 0")
        _choice("evaluation.criterion", self.criterion, ("full", "unmatched", "both"))


@dataclass(frozen=True)
class Run:
    """Execution of a run; what `HOW` names changes nothing beyond rounding.

    device: `cpu`, `cuda` or `auto`. precision: `float32`, or `bfloat16` for autocast of the network in training; `auto`
    is bfloat16 for transformers on CUDA. compile: by torch.compile. save_steps: steps between two saved states, 0 for
    once per epoch. trace: steps to profile into trace.json. stop_after: epochs without improvement that end training,
    0 for never. keep: the `last` network or the `best` epoch's. mapping: distance to MOS by `cubic`, `mlp` or
    `exponential`, fitted to held-out clips; `auto` takes the curve that regression learned, without one the cubic.
    """

    device: str = "auto"
    precision: str = "float32"
    compile: bool = False
    save_steps: int = 0
    trace: int = 0
    stop_after: int = 0
    keep: str = "last"
    mapping: str = "auto"

    def __post_init__(self) -> None:
        _require(bool(fullmatch(r"auto|cpu|cuda(:\d+)?", self.device)), f"run.device={self.device}: auto, cpu or cuda")
        _require(min(self.save_steps, self.stop_after, self.trace) >= 0, "run: steps and epochs are at least 0")
        _choice("run.precision", self.precision, ("float32", "bfloat16", "auto"))
        _choice("run.keep", self.keep, ("last", "best"))
        _choice("run.mapping", self.mapping, ("auto", "cubic", "mlp", "exponential"))


@dataclass(frozen=True)
class Recipe:
    """backbone: its registered name, and options for it. seed: of everything that is random.

    max_steps: optimiser steps. length: of the run in place of max_steps, with a unit: `5 epochs` (passes through the
    training clips) or `500 hours` (of audio). epoch_steps: steps between two evaluations, 0 for a pass through the
    training clips; the schedule counts evaluations as epochs. evaluations: their number, in place of epoch_steps.
    """

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
    length: str = ""
    epoch_steps: int = 0
    evaluations: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        _require(self.max_steps >= 1, f"max_steps={self.max_steps}: at least 1")
        _require(min(self.epoch_steps, self.evaluations) >= 0, "epoch_steps and evaluations are at least 0")
        _require(not self.length or bool(self.amount), f"length={self.length}: such as 5 epochs or 500 hours")
        _require(self.seed >= 0, f"seed={self.seed}: at least 0")
        _require(self.data.batch == "clips" or not self.full.regression, "full.regression needs data.batch=clips")

    @property
    def backbone_name(self) -> str:
        """Registered name of the backbone."""
        return str(self.backbone.get("name", "compact"))

    @property
    def amount(self) -> tuple[float, str] | None:
        """`length` as a number and a unit; None if it has another form."""
        found = fullmatch(r"(\d+(?:\.\d+)?) ?(steps|epochs|hours)", self.length)
        return (float(found[1]), found[2]) if found and float(found[1]) else None


def is_number(value: Any) -> bool:
    """Tell whether `value` is a number; True and False are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _require(fulfilled: bool, message: str) -> None:
    if not fulfilled:
        raise UserError(f"recipe: {message}")


def _choice(key: str, value: str, choices: tuple[str, ...]) -> None:
    _require(value in choices, f"{key}={value}: {', '.join(choices[:-1])} or {choices[-1]}")
