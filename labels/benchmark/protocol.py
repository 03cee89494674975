"""Protocols: which stimuli count. The hidden reference alone inflates a correlation, so the protocol must be stated."""

from __future__ import annotations

from collections.abc import Iterator

from labels.benchmark.rated import Mask, Rated
from manifests.schema import ANCHOR, CODED, REFERENCE

PROTOCOLS = {
    "coded": (CODED,),
    "coded + reference": (CODED, REFERENCE),
    "coded + anchors": (CODED, ANCHOR),
    "all": (CODED, REFERENCE, ANCHOR),
}
MAIN, ALL = "coded", "all"


def protocols(test: Rated) -> Iterator[tuple[str, Mask]]:
    """Yield the distinct protocols of a test, each with a mask of the (stimuli,) that count."""
    seen: set[bytes] = set()
    for name, roles in PROTOCOLS.items():
        mask = test.with_roles(roles)
        if mask.any() and mask.tobytes() not in seen:
            seen.add(mask.tobytes())
            yield name, mask
