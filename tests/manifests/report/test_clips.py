"""Clips that a page plays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from manifests.report.clips import excerpt, player
from tests.sounds import music, write


def test_of_a_long_clip_only_the_beginning_is_decoded(tmp_path: Path) -> None:
    path = write(tmp_path / "long.flac", np.tile(music(5, 1), (12, 1)))
    audio, whole = excerpt(path)
    assert (audio.seconds, whole) == (pytest.approx(10.5), False)
    assert excerpt(write(tmp_path / "short.flac", music(2, 1)))[1]
    assert '"audio/flac;base64' in player(path, audio, whole, "x").replace('"data:', '"')
