"""DeePAQ, or any metric of this project: distances by the run folder of a training, or by the packaged model."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from deepaq.audio import Samples
from deepaq.errors import UserError
from labels.raters.rater import NETWORK, Judge, Rater, Rating
from manifests.provenance import package_version

if TYPE_CHECKING:
    from deepaq.scoring.metric import Metric, References, Score


class DeepaqFr(Rater):
    """Distance to the matching reference in the learned space; extras: mos where the model has a mapping.

    Option model: the run folder; the packaged model without it. The metric aligns the pair itself.
    """

    name = "deepaq-fr"
    scale = "DeePAQ distance"
    sample_rate = 48_000
    channels = 2
    identity: float | None = 0.0
    higher_is_better = False

    def __init__(self, model: str = "") -> None:
        self.model = model

    def judge(self, reference: Samples) -> Judge:
        self.check(reference, "reference")
        metric = _metric(self.model)

        def rate(degraded: Samples) -> Rating:
            self.check(degraded, "degraded version")
            score = metric.score(reference, degraded, sample_rate=self.sample_rate)
            return _rating(score, lag_samples=score.lag_samples, level_db=score.level_db)

        return rate

    def warm_up(self) -> None:
        _metric(self.model)

    def tools(self) -> dict[str, str]:
        from deepaq.backbones.backbone import BACKBONES

        metric = _metric(self.model)
        network = metric.backbone.name
        own = {"torch": package_version("torch"), "backbone": network, NETWORK: metric.fingerprint}
        return own | BACKBONES.packages([network])


class DeepaqNmr(DeepaqFr):
    """Distance to unrelated clean music in the learned space; the pair's own reference is not listened to.

    Options: references, a folder of clean music (other than what is rated; 10 recordings or more); model, as above.
    """

    name = "deepaq-nmr"
    identity = None
    needs = ("references",)

    def __init__(self, references: str = "", model: str = "") -> None:
        super().__init__(model)
        self.references = references

    def judge(self, reference: Samples) -> Judge:
        self.check(reference, "reference")
        metric, clean = _metric(self.model), _references(self.references, self.model)

        def rate(degraded: Samples) -> Rating:
            self.check(degraded, "degraded version")
            return _rating(metric.score(degraded, references=clean, sample_rate=self.sample_rate))

        return rate

    def warm_up(self) -> None:
        _references(self.references, self.model)


def _rating(score: Score, **extras: float | None) -> Rating:
    extras["mos"] = score.mos
    return Rating(score.distance, {name: float(value) for name, value in extras.items() if value is not None})


@cache
def _metric(model: str) -> Metric:
    """One network per process."""
    from deepaq.scoring.metric import load

    return load(model or None)


@cache
def _references(folder: str, model: str) -> References:
    if not folder:
        raise UserError("rater deepaq-nmr: needs clean music to hold against; give --option references=FOLDER")
    from deepaq.scoring.references import find

    return _metric(model).references(find(Path(folder)))
