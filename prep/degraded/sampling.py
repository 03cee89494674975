"""Samples of conditions for a clip: balanced, and determined by the seed and the clip alone."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

from prep.condition import Condition


def sampled(conditions: Sequence[Condition], reference_id: str, per_clip: float, seed: int) -> list[int]:
    """Indices of about `per_clip` of the conditions, ascending.

    A fraction is the probability of one more. Within a clip, families (codecs, distortions) and steps (bitrates,
    severities) are equally frequent as far as their numbers allow; over many clips, so are all conditions.
    """
    draw = _Draw(seed, reference_id)
    count = math.floor(per_clip) + (draw("count") < per_clip % 1)
    if count >= len(conditions):
        return list(range(len(conditions)))
    families: dict[str, list[int]] = {}
    for index, condition in enumerate(conditions):
        families.setdefault(condition.family, []).append(index)
    order = sorted(families, key=lambda family: draw(f"family {family}"))
    # All families of a size share one order of steps: moving to the next family moves to the next step too.
    steps = {
        size: sorted(range(size), key=lambda step: draw(f"grade {step} of {size}"))
        for size in {len(members) for members in families.values()}
    }
    chosen: set[int] = set()
    turn = 0
    while len(chosen) < count:
        members = families[order[turn % len(order)]]
        size = len(members)
        # After a round through all pairs of family and step on this walk, shift it by one.
        shift = turn + turn // math.lcm(len(order), size)
        left = [members[steps[size][(shift + further) % size]] for further in range(size)]
        chosen.update([index for index in left if index not in chosen][:1])
        turn += 1
    return sorted(chosen)


class _Draw:
    """Pseudo-random numbers in 0..1, determined by the seed, the clip and a name."""

    def __init__(self, seed: int, reference_id: str) -> None:
        self._start = hashlib.blake2b(f"{seed}:{reference_id}:".encode(), digest_size=8)

    def __call__(self, name: str) -> float:
        digest = self._start.copy()
        digest.update(name.encode())
        return int.from_bytes(digest.digest(), "big") / 2**64
