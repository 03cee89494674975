"""Many files, one after another or in worker processes, each scored or answered with its error."""

from __future__ import annotations

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
    """Every pair with its score and the seconds it took, or its error, in order, as they become ready.

    model: run folder, None for the packaged one. against: folder of clean music to use in place of the pairs'
    references, at most `largest` files of it. jobs: worker processes, one thread each. match_level: as for
    `Metric.score`.
    """
    clean = _clean(_metric(model), against, largest) if against else None
    if jobs == 1 or len(pairs) == 1:
        metric = _metric(model)
        for pair in pairs:
            yield pair, _answer(metric, pair, clean, match_level)
        return
    from joblib import Parallel, delayed
    from joblib.externals.loky.process_executor import BrokenProcessPool

    work = (delayed(_in_worker)(model, pair, clean, match_level) for pair in pairs)
    answers = Parallel(n_jobs=min(jobs, len(pairs)), return_as="generator")(work)
    try:
        yield from zip(pairs, answers, strict=True)
    except BrokenProcessPool:
        raise UserError("a worker process was killed, perhaps for want of memory; try fewer --jobs") from None


def _clean(metric: Metric, folder: Path, largest: int | None) -> References:
    paths = references.find(folder, largest)
    return references.cached(paths, metric.fingerprint, metric.references)


def _in_worker(model: Path | None, pair: Pair, clean: References | None, match_level: bool) -> Answer:
    import torch

    torch.set_num_threads(1)
    return _answer(_metric(model), pair, clean, match_level)


@lru_cache(maxsize=1)
def _metric(model: Path | None) -> Metric:
    return load(model)


def _answer(metric: Metric, pair: Pair, clean: References | None, match_level: bool) -> Answer:
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
