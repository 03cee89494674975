"""Splits by track: stable when tracks are added, and no track is in two of them."""

from __future__ import annotations

TRAIN, VALID, TEST = "train", "valid", "test"
SPLITS = (TRAIN, VALID, TEST)
VALID_SHARE = 0.2


def split_of(track_id: str, valid_share: float = VALID_SHARE, test_share: float = 0.0) -> str:
    """Split of a track, determined by its id alone.

    track_id: hexadecimal. The shares are expected fractions of the tracks, 0..1.
    """
    position = int(track_id[:13], 16) / 16**13
    if position < test_share:
        return TEST
    return VALID if position < test_share + valid_share else TRAIN
