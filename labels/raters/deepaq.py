"""DeePAQ, or any metric of this project: distances by the run folder of a training, or by the packaged model."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from deepaq.audio import Samples
from deepaq.backbones.device import CPU, batch_of
from deepaq.errors import UserError
from labels.raters.rater import NETWORK, Judge, Rater, Rating
from manifests.provenance import package_version

if TYPE_CHECKING:
    from deepaq.scoring.metric import Metric, References, Score
DISTANCE, MOS = "distance", "mos"  # outputs of the metric


class DeepaqFr(Rater):
    """Distance to the matching reference in the learned space; extras: mos where the model has a mapping, and, of
    the packaged metric, its parts: structure, level and image, which sum to the distance, and added and missing, the
    loudness that the degraded signal has in excess and lacks, as shares of the reference's.

    Options: model, the run folder (the packaged model by default); gives, `distance` (default) or `mos`, the MOS that
    the distance is mapped to; device, `cpu` (default), `cuda`, `cuda:1` or `auto`. The metric aligns the pair itself.
    """

    name = "deepaq-fr"
    scale: str = "DeePAQ distance"
    sample_rate = 48_000
    channels = 2
    identity: float | None = 0.0
    higher_is_better = False

    def __init__(self, model: str = "", gives: str = DISTANCE, device: str = CPU) -> None:
        if gives not in (DISTANCE, MOS):
            raise UserError(f"rater {self.name}: gives={gives}: {DISTANCE} or {MOS}")
        self.model, self.gives, self.device = model, gives, device
        self.batch = batch_of(device)
        if gives == MOS:
            self.scale, self.identity, self.higher_is_better = "MOS", None, True

    def judge(self, reference: Samples) -> Judge:
        self.check(reference, "reference")
        metric = metric_of(self.model, self.device)

        def rate(degraded: Samples) -> Rating:
            self.check(degraded, "degraded signal")
            return self._matched(metric.score(reference, degraded, sample_rate=self.sample_rate))

        return rate

    def rate_batch(self, reference: Samples, degraded: Sequence[Samples]) -> list[Rating | UserError]:
        self.check(reference, "reference")
        pairs = [(reference, samples) for samples in degraded]
        scores = metric_of(self.model, self.device).score_many(pairs, sample_rate=self.sample_rate, batch=self.batch)
        return [score if isinstance(score, UserError) else self._matched(score) for score in scores]

    def _matched(self, score: Score) -> Rating:
        parts = {**score.tracks, "added": score.added, "missing": score.missing}
        return self._rating(score, lag_samples=score.lag_samples, level_db=score.level_db, **parts)

    def _rating(self, score: Score, **extras: float | None) -> Rating:
        extras["mos"] = score.mos
        value = score.mos if self.gives == MOS else score.distance
        if value is None:
            raise UserError("the model maps no distance to a MOS; leave out gives=mos")
        return Rating(value, {name: float(value) for name, value in extras.items() if value is not None})

    def warm_up(self) -> None:
        self._metric()

    def _metric(self) -> Metric:
        return metric_of(self.model, self.device)

    def tools(self) -> dict[str, str]:
        from deepaq.compact.clip import Clip
        from deepaq.compact.light import LightCompact
        from deepaq.core.core import Core

        metric = self._metric()
        own = {"backbone": metric.backbone.name, NETWORK: metric.fingerprint}
        if isinstance(metric.backbone, Core | Clip | LightCompact):
            return own | {"numpy": package_version("numpy"), "scipy": package_version("scipy")}
        from deepaq.backbones.backbone import BACKBONES

        return own | {"torch": package_version("torch")} | BACKBONES.packages([metric.backbone.name])


class DeepaqNmr(DeepaqFr):
    """Distance to unrelated clean music in the learned space; the pair's own reference is not listened to.

    Options: references, a folder of clean music other than what is rated, of ten recordings or more, by default the
    music that the model carries; model and gives, as above.
    """

    name = "deepaq-nmr"
    identity = None

    def __init__(self, references: str = "", model: str = "", gives: str = DISTANCE, device: str = CPU) -> None:
        super().__init__(model, gives, device)
        self.batch = 1
        self.references = references

    def judge(self, reference: Samples) -> Judge:
        self.check(reference, "reference")
        metric, clean = metric_of(self.model, self.device), self._clean()

        def rate(degraded: Samples) -> Rating:
            self.check(degraded, "degraded signal")
            return self._rating(metric.score(degraded, references=clean, sample_rate=self.sample_rate))

        return rate

    def warm_up(self) -> None:
        self._clean()

    def _metric(self) -> Metric:
        return metric_of(self.model, self.device).clips

    def _clean(self) -> References:
        return _references(self.references, self.model, self.device)


@cache
def metric_of(model: str, device: str) -> Metric:
    """Load the metric of a run folder, or the packaged one for '', once per process."""
    from deepaq.scoring.metric import load

    return load(model or None, device)


@cache
def _references(folder: str, model: str, device: str) -> References:
    from deepaq.scoring.references import find

    metric = metric_of(model, device)
    if folder:
        return metric.references(find(Path(folder)))
    try:
        return metric.clean
    except UserError:
        raise UserError(
            f"rater deepaq-nmr: {model} carries no clean music; give it by --option references=FOLDER"
        ) from None
