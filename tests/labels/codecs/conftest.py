"""A small data set that real encoders coded and the packaged metric rated."""

from __future__ import annotations

from pathlib import Path

import pytest

from labels.rating.stage import Settings, rate
from prep.synth import SAMPLE_RATE, compose
from prep.transcode import Settings as PrepSettings
from prep.transcode import transcode
from tests.sounds import write

TRACKS, BITRATES = 5, (24, 48, 96)


@pytest.fixture(scope="package")
def coded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five tracks of 3 s in Opus and mp3 at 24, 48 and 96 kbps, rated by deepaq-fr and log-mel."""
    folder = tmp_path_factory.mktemp("coded")
    for seed in range(TRACKS):
        write(folder / "music" / f"track {seed}.flac", compose(seed, 4.0)[: 3 * SAMPLE_RATE] / 2, SAMPLE_RATE)
    settings = PrepSettings(codecs=("opus", "mp3"), bitrates=BITRATES, clip_s=3, jobs=1, quiet=True)
    assert not transcode([folder / "music"], folder / "data", settings)["errors"]
    for rater in ("deepaq-fr", "log-mel"):
        assert not rate(folder / "data", rater, Settings(jobs=1, quiet=True))["errors"]
    return folder / "data"
