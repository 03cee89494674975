"""The result of a benchmark in a sentence: the leading rater, those not separable from it, and what none reaches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from labels.benchmark.evaluate import SYSTEM_MEAN
from labels.benchmark.report.blocks import figure, title_of

SIGNIFICANT = 0.05


def verdict(test: Mapping[str, Any]) -> str | None:
    """One or two sentences on an evaluated test; None without a rater that has a PCC."""
    if not test["protocols"]:
        return None
    part = test["protocols"][0]
    known = {result["rater"]: result["pcc"][0] for result in part["results"] if result["pcc"][0] is not None}
    if not known:
        return None
    best = max(known, key=lambda rater: known[rater])
    text = f"{test['about']['title']}: {title_of(best)} has the highest PCC ({figure(known[best])}, {part['protocol']})"
    if len(known) > 1:
        alike = _not_separable(test["comparisons"], best)
        text += (
            f", not separable from {', '.join(map(title_of, alike))}" if alike else ", separable from all others"
        ) + " (Steiger's test, p adjusted after Holm)"
    mean = part[SYSTEM_MEAN]["pcc"][0]
    if mean is not None and mean > known[best]:
        text += f". No rater reaches the mean of the same system on other items, which takes no audio ({figure(mean)})"
    return f"{text}."


def _not_separable(comparisons: Sequence[Mapping[str, Any]], best: str) -> list[str]:
    """The raters whose difference to the best one is not significant."""
    pairs = [row for row in comparisons if best in (row["a"], row["b"])]
    alike = [row for row in pairs if row["p_holm"] is None or row["p_holm"] >= SIGNIFICANT]
    return [row["b"] if row["a"] == best else row["a"] for row in alike]
