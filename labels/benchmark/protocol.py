"""Which stimuli count: a correlation without its protocol says little, for the hidden reference alone inflates it."""

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
    """The protocols of a test that differ from the ones before, each with the (stimuli,) that count."""
    seen: set[bytes] = set()
    for name, roles in PROTOCOLS.items():
        mask = test.with_roles(roles)
        if mask.any() and mask.tobytes() not in seen:
            seen.add(mask.tobytes())
            yield name, mask
