"""Summary of several tests: Fisher's average of their correlations, and all stimuli pooled on one scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from labels.benchmark.agreement import Points, as_numbers, average, correlations
from labels.benchmark.evaluate import Evaluation
from labels.benchmark.protocol import ALL, MAIN, PROTOCOLS
from labels.benchmark.rated import Rated


def overall(evaluation: Evaluation, tests: Sequence[Rated]) -> list[dict[str, Any]]:
    """Summarise the tests both ways, for each rater under the narrowest and the widest protocol.

    The average weights all tests equally and ignores offsets between them; pooling does neither.
    """
    rows = []
    for protocol in (MAIN, ALL):
        for rater in evaluation.signs:
            parts = [evaluation.points(test, rater, test.with_roles(PROTOCOLS[protocol])) for test in tests]
            parts = [part for part in parts if part.count]
            rows.append(
                {
                    "protocol": protocol,
                    "rater": rater,
                    "tests": len(parts),
                    "stimuli": sum(part.count for part in parts),
                    "average": as_numbers({name: average(parts, name) for name in ("pcc", "srcc")}),
                    "pooled": as_numbers(correlations(_pooled(parts), ("pcc", "srcc"))),
                }
            )
    return rows


def _pooled(parts: Sequence[Points]) -> Points:
    empty = [np.empty(0)]
    return Points(
        np.concatenate(empty + [part.values for part in parts]),
        np.concatenate(empty + [part.shares for part in parts]),
        np.concatenate(empty + [part.half_widths for part in parts]),
        [item for part in parts for item in part.items],
        [group for part in parts for group in part.groups],
    )
