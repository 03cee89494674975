"""Samples of a track block by block, from one file or as the sum of several."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from deepaq.audio import Audio, Samples, blocks, fit, to_stereo
from deepaq.errors import UserError


def mixed(parts: Sequence[Path]) -> Iterator[Audio]:
    """Yield the stereo sum of the files block by block; shorter ones are padded with silence.

    Raises UserError like `deepaq.audio.blocks`, and if the files differ in sample rate.
    """
    if len(parts) == 1:
        for audio in blocks(parts[0]):
            yield Audio(to_stereo(audio.samples), audio.sample_rate)
        return
    sources = [blocks(path) for path in parts]
    waiting: list[Samples] = [np.empty((0, 2), np.float32) for _ in parts]
    going = [True] * len(parts)
    rate = None
    while any(going):
        for index, source in enumerate(sources):
            if not going[index] or len(waiting[index]):
                continue
            block = next(source, None)
            if block is None:
                going[index] = False
                continue
            rate = rate or block.sample_rate
            if block.sample_rate != rate:
                raise UserError(f"{parts[index]}: has {block.sample_rate} Hz, but the other parts have {rate} Hz")
            waiting[index] = to_stereo(block.samples)
        # Take as much as every unfinished part has; at the end, everything that is left.
        lengths = [len(block) for block, more in zip(waiting, going, strict=True) if more]
        length = min(lengths) if lengths else max(map(len, waiting))
        if rate is not None and length:
            yield Audio(np.sum([fit(block, length) for block in waiting], axis=0, dtype=np.float32), rate)
        waiting = [block[length:] for block in waiting]
