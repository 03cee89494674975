"""The contract of every codec: the bitrate it was asked for, no lag, the same bytes every time, better when larger."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from deepaq.audio import read
from deepaq.errors import UserError
from manifests.ids import joined_id, settings_id
from prep.coding.codecs import CODECS, codings
from prep.coding.encode import encode
from prep.coding.program import Encoded
from prep.degraded.verify import Verifier
from prep.synth import compose
from prep.testing import check_codec
from tests.sounds import RATE, music, write

SECONDS = 4
SOUND = music(SECONDS, seed=3)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("clip") / "clip.flac", SOUND)


# What is variable takes what it likes; Opus may lag by a few samples.
OWN_WAY = {"opus-vbr": {"excess": 0.9}, "vorbis": {"excess": 0.4}}


@pytest.mark.parametrize("name", CODECS)
def test_every_codec_keeps_the_contract(name: str) -> None:
    codec = CODECS[name]
    if missing := codec.program.missing(codec.encoder):
        pytest.skip(missing)
    check_codec(name, largest_lag=5 if name.startswith("opus") else 1, **OWN_WAY.get(name, {}))


def test_conditions_differ_in_id_and_name() -> None:
    wanted = codings(["opus", "opus-cbr", "mp3", "aac", "vorbis", "eac3"], [32, 64])
    assert len({coding.id for coding in wanted}) == len({coding.name for coding in wanted}) == 12


def test_constant_opus_hits_its_bitrate_and_variable_opus_takes_more(clip: Path, tmp_path: Path) -> None:
    sizes = {coding.codec: made.bitstream_bytes for coding, made in encode(
        clip, codings(["opus-vbr", "opus", "opus-cbr"], [64]), tmp_path, SECONDS).items()
        if isinstance(made, Encoded)}  # fmt: skip
    assert sizes["opus-cbr"] == pytest.approx(64_000 / 8 * SECONDS, rel=0.03)
    assert sizes["opus-vbr"] > sizes["opus"] > 0.9 * sizes["opus-cbr"]


def test_a_bitrate_that_a_codec_lacks_is_left_out_or_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert [coding.name for coding in codings(["ac3"], [16, 32, 128])] == ["ac3-032", "ac3-128"]
    assert "ac3: not at 16 kbps" in capsys.readouterr().err
    with pytest.raises(UserError, match="ac3 takes 32, 40"):
        codings(["ac3"], [16, 24])


@pytest.mark.parametrize(("name", "kbps"), [("mp3", 20), ("mp3", 72), ("mp3", 300), ("aac", 12), ("opus", 8)])
def test_a_bitrate_that_would_become_another_is_not_offered(name: str, kbps: int) -> None:
    with pytest.raises(UserError, match=f"--bitrates {kbps}: {name} takes"):
        codings([name], [kbps])


def test_a_constant_bitrate_that_is_missed_is_an_error() -> None:
    mp3, opus = codings(["mp3", "opus"], [24])
    assert mp3.actual_kbps(30_000, 10) == 24.0
    for size in (40_500, 20_000):
        with pytest.raises(UserError, match=r"mp3-024: has .* kbps instead of the requested 24"):
            mp3.actual_kbps(size, 10)
        assert opus.actual_kbps(size, 10) == size * 8 / 10_000


def test_settings_of_the_default_conditions_stay() -> None:
    """Data sets that were made before go on only if the ids stay, whatever the version of the program."""
    settings = [coding.settings() | {"ffmpeg": "7"} for coding in codings()]
    assert joined_id(*map(settings_id, settings)) == "e744e52db1f4e6a85cabe4e3"


def test_a_missing_program_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for name, program in (("he-aac", "fdkaac"), ("lc3", "elc3")):
        with pytest.raises(UserError, match=f"--codecs {name}: needs the program.* {program}"):
            codings([name], [64])


def test_he_aac_beats_native_aac_at_16_kbps(clip: Path, tmp_path: Path) -> None:
    if missing := CODECS["he-aac"].program.missing("HE-AAC"):
        pytest.skip(missing)
    found = {}
    for coding, made in encode(clip, codings(["aac", "he-aac"], [16]), tmp_path, SECONDS).items():
        assert isinstance(made, Encoded), made
        found[coding.codec] = Verifier(SOUND, RATE).compare(made.path)
    assert found["he-aac"].correlation > found["aac"].correlation
    assert np.isfinite(found["he-aac"].peak)


@pytest.mark.parametrize(("number", "start_s", "codec", "kbps"), [(0, 5, "opus", 48), (9, 0, "aac", 16)])
def test_periodic_music_is_not_taken_for_late(number: int, start_s: int, codec: str, kbps: int, tmp_path: Path) -> None:
    """Held chords correlate as well, or better, a period later, once coding has changed them."""
    sound = compose(1, 10, number)[start_s * RATE : (start_s + 5) * RATE]
    clip = write(tmp_path / "clip.flac", sound)
    (made,) = encode(clip, codings([codec], [kbps]), tmp_path, 5).values()
    assert isinstance(made, Encoded)
    assert abs(Verifier(read(clip).samples, RATE).compare(made.path).lag) <= 1
