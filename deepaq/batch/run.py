"""Many files, one after another or in worker processes, each with its score or its error."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from time import perf_counter

from deepaq.batch.pairs import Pair
from deepaq.errors import UserError
from deepaq.scoring import references
from deepaq.scoring.metric import Metric, load
from deepaq.scoring.references import References
from deepaq.scoring.score import Score

Answer = UserError | tuple[Score, float]


def score_files(
    pairs: Sequence[Pair],
    model: Path | None,
    against: Path | None = None,
    largest: int | None = None,
    jobs: int = 1,
    match_level: bool = True,
) -> Iterator[tuple[Pair, Answer]]:
    """Yield every pair with its score and the seconds it took, or with its error, in order, as they become ready.

    model: run folder, None for the packaged one. against: folder of clean music that replaces the pairs' references,
    at most `largest` files of it. jobs: worker processes; every process computes with one thread. match_level: as for
    `Metric.score`.
    """
    clean = _clean(metric_of(model), against, largest) if against else None
    if jobs == 1 or len(pairs) == 1:
        for pair in pairs:
            yield pair, _answer(model, pair, clean, match_level)
        return
    from joblib import Parallel, delayed
    from joblib.externals.loky.process_executor import BrokenProcessPool

    work = (delayed(_answer)(model, pair, clean, match_level) for pair in pairs)
    answers = Parallel(n_jobs=min(jobs, len(pairs)), return_as="generator")(work)
    try:
        yield from zip(pairs, answers, strict=True)
    except BrokenProcessPool:
        raise UserError("a worker process was killed, perhaps for lack of memory; try fewer --jobs") from None


@lru_cache(maxsize=1)
def metric_of(model: Path | None) -> Metric:
    """Load the metric of this process, once, and let a network of it compute with one thread.

    More threads cost more than they gain on segments of this size, above all beside other work.
    """
    from threadpoolctl import threadpool_limits

    os.environ.setdefault("OMP_NUM_THREADS", "1")  # for torch, which the packaged metric does not import
    metric = load(model)
    threadpool_limits(1)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
    return metric


def _clean(metric: Metric, folder: Path, largest: int | None) -> References:
    paths = references.find(folder, largest)
    return references.cached(paths, metric.clips.fingerprint, metric.references)


def _answer(model: Path | None, pair: Pair, clean: References | None, match_level: bool) -> Answer:
    metric = metric_of(model)
    begun = perf_counter()
    reference, degraded = pair
    try:
        if clean:
            found = metric.score(degraded, references=clean)
        else:
            found = metric.score(reference, degraded, match_level=match_level)
    except UserError as error:
        return error
    return found, perf_counter() - begun
