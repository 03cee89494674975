"""The rows that a recipe trains on."""

from __future__ import annotations

from pathlib import Path


def test_a_codec_may_be_left_out_and_clips_thinned(labelled: Path) -> None:
    from manifests.dataset import Dataset
    from training.data.table import load
    from training.settings import Data

    whole, without = load(Dataset(labelled), Data()), load(Dataset(labelled), Data(without_codecs=("opus",)))
    assert set(without.codec[~without.valid]) == {"clean", "mp3", "aac"}
    assert set(without.codec[without.valid]) == {"clean", "mp3", "aac", "opus"}
    shares = [load(Dataset(labelled), Data(share=share)) for share in (0.6, 0.9)]
    train = [set(part.row_id[~part.valid]) for part in (*shares, whole)]
    assert train[0] < train[1] <= train[2]
    assert all(set(part.row_id[part.valid]) == set(whole.row_id[whole.valid]) for part in shares)
