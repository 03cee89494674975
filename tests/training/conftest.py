"""A small labelled data set, made once: real encoders, real ViSQOL."""

from __future__ import annotations

from pathlib import Path

import pytest

from labels.rating.stage import Settings as RateSettings
from labels.rating.stage import rate
from manifests.split import VALID, split_of
from prep.transcode import Settings, transcode
from tests.sounds import music, write

SHARE = 0.4


@pytest.fixture(scope="session")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight tracks of 2 s, five to train on and three held out, in six conditions, with ViSQOL labels."""
    from manifests.ids import track_id

    folder = tmp_path_factory.mktemp("labelled")
    wanted = {True: 3, False: 5}
    seed = 0
    while any(wanted.values()):
        path = write(folder / "spare" / f"{seed}.wav", music(2, seed))
        held_out = split_of(track_id(path), SHARE) == VALID
        if wanted[held_out]:
            wanted[held_out] -= 1
            (folder / "music").mkdir(exist_ok=True)
            path.rename(folder / "music" / path.name)
        seed += 1
    settings = Settings(bitrates=(32, 128), clip_s=2, valid_share=SHARE, jobs=1, quiet=True)
    transcode([folder / "music"], folder / "data", settings)
    rate(folder / "data", "visqol", RateSettings(jobs=1, quiet=True))
    return folder / "data"
