"""Looking at the sources: fingerprints, spectral walls, sums of parts, and who is admitted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deepaq.errors import UserError
from manifests.dataset import Dataset
from prep.coding.codecs import codings
from prep.coding.encode import encode
from prep.tracks import fingerprint
from prep.tracks.admission import admit
from prep.tracks.corpora import CORPORA, Source
from prep.tracks.cutoff import LongTermSpectrum
from prep.tracks.exclusion import Exclusion
from prep.tracks.fingerprint import same_recordings
from prep.tracks.mixture import mixed
from prep.tracks.survey import survey
from prep.tracks.track import Track
from prep.transcode import Settings, survey_music, transcode
from tests.sounds import RATE, music, write

WANTED = Settings(("opus",), (64,), 4, jobs=1, quiet=True)


def source(path: Path, split: str | None = None) -> Source:
    return Source(path.stem, (path,), split, "folder")


def coded(path: Path, codec: str, kbps: int) -> Path:
    (made,) = encode(path, codings([codec], [kbps]), path.parent, 60).values()
    assert not isinstance(made, str), made
    return made.path


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Track]:
    """A source, copies of it that sound the same, and other sources."""
    folder = tmp_path_factory.mktemp("sources")
    sound = music(12, 1)
    write(folder / "song.wav", sound)
    write(folder / "quieter.flac", 0.4 * sound, subtype="PCM_24")
    write(folder / "excerpt.wav", sound[2 * RATE + 777 : 10 * RATE])
    write(folder / "other.wav", music(12, 2))
    coded(folder / "song.wav", "mp3", 128).rename(folder / "coded.mp3")
    write(folder / "decoded.wav", decoded(folder / "coded.mp3"))
    (folder / "broken.wav").write_bytes(b"RIFF")
    return {path.stem: survey(source(path)) for path in sorted(folder.iterdir())}


def decoded(path: Path) -> np.ndarray:
    from deepaq.audio import read

    return np.clip(read(path).samples, -1, 1)


def test_copies_that_are_quieter_shorter_or_coded_are_recognised(sources: dict[str, Track]) -> None:
    if not fingerprint.available():
        pytest.skip("this ffmpeg has no Chromaprint")
    names = [name for name in sources if sources[name].fingerprint is not None]
    pairs = same_recordings([sources[name].fingerprint for name in names])  # type: ignore[misc]
    same = {"song", "quieter", "excerpt", "coded", "decoded"}
    assert {frozenset((names[a], names[b])) for a, b in pairs} == {
        frozenset((a, b)) for a in same for b in same if a < b
    }


def test_a_track_is_measured_and_what_was_coded_is_recognised(sources: dict[str, Track]) -> None:
    assert (sources["song"].seconds, sources["song"].sample_rate) == (12, RATE)
    assert sources["song"].flaw() is None
    assert sources["coded"].flaw() == "is a lossy source"
    cutoff = sources["decoded"].cutoff_hz
    assert cutoff is not None
    assert 15_000 < cutoff < 17_500
    assert "as if it had been coded" in (sources["decoded"].flaw() or "")
    assert "broken.wav" in (sources["broken"].error or "")


@pytest.mark.parametrize(("limit", "found"), [(16_000, True), (11_025, True), (None, False)])
def test_a_sharp_cutoff_is_found_and_a_gentle_slope_is_none(limit: float | None, found: bool) -> None:
    rng = np.random.default_rng(0)
    spectrum = np.fft.rfft(rng.standard_normal((4 * RATE, 2)), axis=0)
    hz = np.fft.rfftfreq(4 * RATE, 1 / RATE)
    spectrum *= 10 ** (-hz / 4000)[:, None]  # 5 dB per kHz
    if limit is not None:
        spectrum[hz > limit] = 0
    track = LongTermSpectrum(RATE)
    track.add((1e-2 * np.fft.irfft(spectrum, axis=0)).astype(np.float32))
    cutoff = track.cutoff_hz()
    assert (cutoff is not None) == found
    if cutoff is not None and limit is not None:
        assert cutoff == pytest.approx(limit, abs=400)


def test_copies_of_short_recordings_are_recognised(tmp_path: Path) -> None:
    if not fingerprint.available():
        pytest.skip("this ffmpeg has no Chromaprint")
    for seed, seconds in enumerate((3.5, 4, 5)):
        sound = music(seconds, seed)
        paths = [write(tmp_path / f"{seed}-{gain}.wav", gain * sound) for gain in (1, 0.5)]
        assert len(admitted([survey(source(path)) for path in paths])[0]) == 1


def test_the_same_samples_in_another_file_are_one_recording(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"a.{suffix}", music(1)) for suffix in ("wav", "flac")]
    assert len(admitted([survey(source(path)) for path in paths])[0]) == 1


def test_companded_samples_are_a_lossy_source(tmp_path: Path) -> None:
    for subtype in ("ULAW", "ALAW"):
        assert (
            survey(source(write(tmp_path / f"{subtype}.wav", music(1), subtype=subtype))).flaw() == "is a lossy source"
        )


def test_silence_has_no_cutoff() -> None:
    track = LongTermSpectrum(RATE)
    track.add(np.zeros((RATE, 2), np.float32))
    assert track.cutoff_hz() is None


def admitted(tracks: list[Track], **options: Any) -> tuple[set[str], list[str]]:
    admission = admit(tracks, Exclusion(), **options)
    return {track.source.name for track in admission.admitted}, [one.line for one in admission.left_out]


def test_each_recording_is_taken_once_and_clean(sources: dict[str, Track]) -> None:
    tracks = list(sources.values())
    kept, lines = admitted(tracks)
    assert kept == {"song", "other", "broken"} or kept == {"quieter", "other", "broken"}
    assert len(lines) == len(tracks) - 3
    assert sum("is the same recording as" in line for line in lines) == 2
    assert admitted(tracks, cut_before={sources["excerpt"].track_id})[0] == {"excerpt", "other", "broken"}
    assert admitted([sources["coded"], sources["other"]], allow_lossy=True)[0] == {"coded", "other"}
    kept, lines = admitted(tracks, excluded=[sources["coded"]])
    assert kept == {"other", "broken"}
    assert any("which is excluded" in line for line in lines)


def test_a_copy_in_a_test_split_keeps_the_song_out_of_training(sources: dict[str, Track]) -> None:
    original = sources["song"]
    tested = Track(Source("tested", original.source.parts, "test", "x"), *_facts(sources["excerpt"]))
    assert admitted([original, tested])[0] == {"tested"}


def _facts(track: Track) -> tuple:  # type: ignore[type-arg]
    return track.track_id, track.seconds, track.sample_rate, track.lossy, track.cutoff_hz, track.fingerprint


def test_files_with_the_same_bytes_are_one_whatever_their_number(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{n}.wav", music(0.5)) for n in range(5)]
    assert len(admitted([survey(source(path)) for path in paths])[0]) == 1


def test_the_parts_of_a_song_are_summed(tmp_path: Path) -> None:
    parts = [music(7, 1), music(6.5, 2), music(7, 3)[:, :1]]
    paths = [write(tmp_path / f"{n}.wav", part, subtype="FLOAT") for n, part in enumerate(parts)]
    total = np.concatenate([audio.samples for audio in mixed(paths)])
    expected = parts[0].copy()
    expected[: len(parts[1])] += parts[1]
    expected += parts[2]
    np.testing.assert_allclose(total, expected, atol=1e-6)
    write(tmp_path / "other-rate.wav", music(1, rate=48_000), 48_000)
    with pytest.raises(UserError, match="48000 Hz, but the other parts have 44100 Hz"):
        list(mixed([paths[0], tmp_path / "other-rate.wav"]))


def test_a_song_of_parts_is_one_track_with_the_split_of_its_corpus(tmp_path: Path) -> None:
    folder = tmp_path / "moises" / "0b"
    write(folder / "bass" / "b.wav", music(4, 1))
    write(folder / "drums" / "d.wav", music(4, 2))
    (folder / "data.json").write_text(
        '{"artist": "A", "song": "One", "stems": [{"stemName": "bass", "tracks": [{"id": "b", "extension": "wav"}]},'
        ' {"stemName": "drums", "tracks": [{"id": "d", "extension": "wav"}]}]}'
    )
    write(tmp_path / "musdb" / "test" / "A - B" / "mixture.wav", music(4, 3))
    write(tmp_path / "musdb" / "train" / "A - C" / "mixture.wav", music(4, 4))
    assert CORPORA["moisesdb"].recognises(folder.parent)
    result = transcode([folder.parent, tmp_path / "musdb"], tmp_path / "data", WANTED)
    assert (result["references"], result["ok"]) == (3, 3)
    rows = Dataset(tmp_path / "data").references(["corpus", "split", "path"]).to_pylist()
    splits = {(row["corpus"], row["split"]) for row in rows if row["corpus"] == "musdb18hq"}
    assert splits == {("musdb18hq", "train"), ("musdb18hq", "test")}


def test_a_surveyed_source_is_not_surveyed_again_until_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "music" / "a.wav", music(3))
    assert survey_music([tmp_path / "music"], tmp_path / "data", WANTED)["songs"] == 1
    monkeypatch.setattr("prep.tracks.survey.survey", None)  # would fail when called
    assert transcode([tmp_path / "music"], tmp_path / "data", WANTED)["ok"] == 1
    monkeypatch.undo()
    write(path, music(3, 1))
    assert transcode([tmp_path / "music"], tmp_path / "data", WANTED)["ok"] == 1
    assert Dataset(tmp_path / "data").tracks().num_rows == 2


def test_shards_of_a_survey_are_together_the_whole(tmp_path: Path) -> None:
    for seed in range(4):
        write(tmp_path / "music" / f"{seed}.wav", music(0.5, seed))
    found = [
        survey_music([tmp_path / "music"], tmp_path / "data", Settings(jobs=1, quiet=True, shard=(index, 2)))["songs"]
        for index in range(2)
    ]
    assert sum(found) == Dataset(tmp_path / "data").tracks().num_rows == 4


def test_lossy_music_alone_is_a_clear_error(tmp_path: Path) -> None:
    path = coded(write(tmp_path / "a.wav", music(3)), "mp3", 128)
    with pytest.raises(UserError, match="none of the 1 tracks can be used; 1 lossy"):
        transcode([path], tmp_path / "data", WANTED)
