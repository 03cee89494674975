"""Conditions that distort: chosen by name and severity, rows beside codecs, the same ids for ever."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from deepaq.audio import read
from deepaq.errors import UserError
from manifests.check import problems
from manifests.dataset import Dataset
from manifests.ids import joined_id, settings_id
from prep.distortions import DISTORTIONS, distort
from prep.distortions.condition import distortion_conditions
from prep.transcode import Settings, transcode
from tests.sounds import RATE, music, write


def test_distortions_are_rows_beside_codecs(tmp_path: Path) -> None:
    write(tmp_path / "music" / "a.wav", music(4, 1))
    wanted = Settings(("opus",), (64,), 2, "lowpass,noise-3,clipping-5,reverberation-5", jobs=1, quiet=True)
    outs = [tmp_path / "one", tmp_path / "two"]
    for out in outs:
        result = transcode([tmp_path / "music"], out, wanted)
        assert (result["references"], result["ok"], result["failed"]) == (2, 2 * 9, 0)
        assert list(problems(Dataset(out), deep=True)) == []
    tables = [Dataset(out).degraded().sort_by("degraded_id") for out in outs]
    assert tables[0] == tables[1]
    for row in tables[0].to_pylist():
        if row["codec"]:
            continue
        assert row["bitrate_kbps"] is row["actual_kbps"] is row["encoder"] is None
        assert row["lag_samples"] == 0
        (reference,) = [
            r for r in Dataset(outs[0]).references().to_pylist() if r["reference_id"] == row["reference_id"]
        ]
        name, _, severity = row["condition"].rpartition("-")
        seed = int(row["degraded_id"], 16)
        clean, stored = (read(outs[0] / path).samples for path in (reference["path"], row["path"]))
        np.testing.assert_allclose(stored, distort(clean, RATE, name, int(severity), seed), atol=2**-23)
    assert {row["arguments"] for row in tables[0].to_pylist() if row["condition"] == "noise-3"} == {"snr_db=30"}


@pytest.mark.parametrize("text", ["echo", "noise-7", "noise-x", "noise-²", "-3"])
def test_an_unknown_selection_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="--distortions"):
        distortion_conditions(text)


def test_selections_are_read_in_order_and_once() -> None:
    assert [damage.name for damage in distortion_conditions("noise-3, pink-noise-1,noise-3")] == [
        "noise-3",
        "pink-noise-1",
    ]
    assert len(distortion_conditions("all")) == 5 * len(DISTORTIONS)
    assert distortion_conditions("") == []


def test_settings_of_the_first_distortions_stay() -> None:
    """Data sets made earlier can be resumed only if the ids stay, whatever the version of the programs."""
    names = "lowpass,highpass,noise,pink-noise,clipping,quantisation,dropouts,packet-loss,pre-echo,spectral-holes"
    names += ",musical-noise,separation,reverberation,tandem,narrowing,imbalance,pumping,level-jumps"
    settings = [condition.settings() for condition in distortion_conditions(names)]
    ids = (settings_id({key: value for key, value in one.items() if key != "ffmpeg"}) for one in settings)
    assert joined_id(*ids) == "340bf620278ac197433765e5"
