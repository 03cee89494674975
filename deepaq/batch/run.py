"""Many files, one after another or in worker processes, each with its score or its error."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from pathlib import Path
from time import perf_counter

from deepaq.backbones.device import CPU, batch_of
from deepaq.batch.pairs import Pair
from deepaq.errors import UserError
from deepaq.scoring import references
from deepaq.scoring.metric import Metric, load
from deepaq.scoring.references import References
from deepaq.scoring.score import Score

Answer = UserError | tuple[Score, float]


@dataclass(frozen=True)
class Scoring:
    """How files are scored. model: run folder, None for the packaged metric. device, match_level: as for `deepaq.load`
    and `Metric.score`."""

    model: Path | None = None
    device: str = CPU
    match_level: bool = True

    @property
    def metric(self) -> Metric:
        """The metric of this process."""
        return metric_of(self.model, self.device)

    @property
    def batch(self) -> int:
        """Number of pairs to score together."""
        return batch_of(self.device)


def score_files(
    pairs: Sequence[Pair],
    how: Scoring,
    against: Path | None = None,
    largest: int | None = None,
    jobs: int = 1,
    no_reference: bool = False,
) -> Iterator[tuple[Pair, Answer]]:
    """Yield every pair with its score and the seconds it took, or with its error, in order, as they become ready.

    against: folder of clean music that replaces the pairs' references, at most `largest` files of it. no_reference:
    the clean music that the model carries replaces them. jobs: worker processes; every process computes with one
    thread. On a GPU, several pairs are scored as one batch, whose time they share.
    """
    clean = _clean(how.metric, against, largest) if against else None
    clean = how.metric.clean if no_reference else clean
    parts = [pairs[start : start + how.batch] for start in range(0, len(pairs), how.batch)]
    if jobs == 1 or len(parts) == 1:
        for part in parts:
            yield from zip(part, _answers(how, part, clean), strict=True)
        return
    from joblib import Parallel, delayed
    from joblib.externals.loky.process_executor import BrokenProcessPool

    work = (delayed(_answers)(how, part, clean) for part in parts)
    answers = Parallel(n_jobs=min(jobs, len(parts)), return_as="generator")(work)
    try:
        yield from zip(pairs, chain.from_iterable(answers), strict=True)
    except BrokenProcessPool:
        raise UserError("a worker process was killed, perhaps for lack of memory; try fewer --jobs") from None


@lru_cache(maxsize=1)
def metric_of(model: Path | None, device: str = CPU) -> Metric:
    """Load the metric of this process, once, and let a network of it compute with one thread.

    More threads cost more than they gain on segments of this size, above all beside other work.
    """
    from threadpoolctl import threadpool_limits

    os.environ.setdefault("OMP_NUM_THREADS", "1")  # for torch, which the packaged metric does not import
    metric = load(model, device)
    threadpool_limits(1)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
    return metric


def _clean(metric: Metric, folder: Path, largest: int | None) -> References:
    paths = references.find(folder, largest)
    return references.cached(paths, metric.clips.fingerprint, metric.references)


def _answers(how: Scoring, pairs: Sequence[Pair], clean: References | None) -> list[Answer]:
    metric, begun = how.metric, perf_counter()
    found: list[Score | UserError]
    if clean is None:
        found = metric.score_many(pairs, match_level=how.match_level, batch=how.batch)
    else:
        found = [_unmatched(metric, degraded, clean) for _, degraded in pairs]
    took_s = (perf_counter() - begun) / len(pairs)
    return [answer if isinstance(answer, UserError) else (answer, took_s) for answer in found]


def _unmatched(metric: Metric, degraded: Path, clean: References) -> Score | UserError:
    try:
        return metric.score(degraded, references=clean)
    except UserError as error:
        return error
