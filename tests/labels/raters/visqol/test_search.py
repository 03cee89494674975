"""Patches are found where visqol-python finds them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from visqol.patch_selector import find_most_optimal_deg_patches

from labels.raters.visqol import engine, search


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_paths_are_those_of_the_package(seed: int) -> None:
    rng = np.random.default_rng(seed)
    frames, width, bands = int(rng.integers(60, 200)), 20, 8
    reference = 20 * rng.random((bands, frames))
    reference[:, rng.integers(0, frames, 2).min() :] *= rng.choice([0, 1])  # patches of digital silence tie exactly
    degraded = np.roll(reference, rng.integers(-30, 30), axis=1) + rng.choice([0, 1, 10]) * rng.random(reference.shape)
    degraded = degraded[:, : rng.integers(frames // 2, frames + 1)]
    starts = [start for start in range(9, frames - width, width) if start - width // 2 <= degraded.shape[1]]
    patches = [reference[:, start : start + width] for start in starts]
    radius = int(rng.integers(1, 4))
    expected = find_most_optimal_deg_patches(patches, starts, degraded, 0.02, radius)
    found = search.find(np.stack(patches), np.array(starts), degraded, radius * width)
    if found.margin > engine.PATH_MARGIN:
        assert [bool(lost) for lost in found.lost] == [result.deg_patch_end_time == 0 for result in expected]
        places = [0.02 * offset * ~lost for offset, lost in zip(found.offsets, found.lost, strict=True)]
        assert places == pytest.approx([result.deg_patch_start_time for result in expected])
