"""Reading audio: what comes out, and what is refused with which words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from deepaq import audio
from deepaq.audio.decode import probe
from deepaq.errors import UserError
from prep.coding.codecs import CODECS
from prep.coding.encode import encode as encode_clip
from tests.sounds import RATE, music, write


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_wav_comes_back(tmp_path: Path, subtype: str, channels: int) -> None:
    samples = music(0.5, channels=channels)
    found = audio.read(write(tmp_path / "a.wav", samples, subtype=subtype))
    assert (found.sample_rate, found.channels, found.frames) == (RATE, channels, len(samples))
    np.testing.assert_allclose(found.samples, samples, atol=1 / 32000)


def test_blocks_are_the_file_in_pieces(tmp_path: Path) -> None:
    path = write(tmp_path / "a.flac", music(14))  # more than twice what is read at a time
    pieces = list(audio.blocks(path, frames=10_000))
    assert len(pieces) == 3
    assert all(piece.frames >= 10_000 for piece in pieces[:-1])
    np.testing.assert_array_equal(np.concatenate([p.samples for p in pieces]), audio.read(path).samples)


def test_peaks_above_full_scale_survive(tmp_path: Path) -> None:
    loud = 3 * music(0.5)
    np.testing.assert_array_equal(audio.read(write(tmp_path / "a.wav", loud, subtype="FLOAT")).samples, loud)


def encode(path: Path, samples: np.ndarray, kbps: int = 128) -> Path:
    """Code samples with the codec that `path`'s suffix belongs to."""
    codec = CODECS[{".m4a": "aac"}.get(path.suffix, path.suffix[1:])]
    clip = write(path.with_name("clip.wav"), samples, rate=48_000)
    condition = codec.condition(kbps)
    (made,) = encode_clip(clip, [condition], path.parent, 60).values()
    assert not isinstance(made, str), made
    return made.path.rename(path)


@pytest.mark.parametrize("suffix", [".opus", ".mp3", ".m4a"])
def test_coded_files_are_decoded_in_time(tmp_path: Path, suffix: str) -> None:
    samples = music(2, rate=48_000)
    coded = audio.read(encode(tmp_path / f"a{suffix}", samples))
    found = audio.fit(audio.resample(coded.samples, coded.sample_rate, 48_000), len(samples))
    assert abs(coded.seconds - 2) < 0.06
    assert np.corrcoef(found[:, 0], samples[:, 0])[0, 1] > 0.98


def test_tags_may_be_in_any_encoding(tmp_path: Path) -> None:
    plain = encode(tmp_path / "plain.mp3", music(1))
    size = b"\0\0\0\x10"  # of the tag, then of the title in it
    title = b"ID3\x03\0\0" + size + b"TIT2\0\0\0\x06\0\0\x03\xff\xfe\x80\xc3("
    (tmp_path / "tagged.mp3").write_bytes(title + plain.read_bytes())
    assert probe(tmp_path / "tagged.mp3").codec == "mp3float"
    np.testing.assert_array_equal(audio.read(tmp_path / "tagged.mp3").samples, audio.read(plain).samples)


def bad(folder: Path, kind: str) -> Path:
    good = write(folder / "good.wav", music(2))
    flac = write(folder / "good.flac", music(2))
    path = folder / "bad.wav"
    if kind == "missing":
        return folder / "absent.wav"
    if kind == "folder":
        return folder
    if kind == "empty":
        path.touch()
    elif kind == "random":
        path.write_bytes(np.random.default_rng(0).bytes(5000))
    elif kind == "truncated wav":
        path.write_bytes(good.read_bytes()[:-20_000])
    elif kind == "no frames":
        write(path, np.zeros((0, 2), np.float32))
    elif kind == "not finite":
        samples = music(1)
        samples[100] = np.nan
        write(path, samples, subtype="FLOAT")
    elif kind == "truncated flac":
        path = folder / "bad.flac"
        path.write_bytes(flac.read_bytes()[:-20_000])
    elif kind == "corrupt flac":
        path = folder / "bad.flac"
        data = bytearray(flac.read_bytes())
        data[len(data) // 2 : len(data) // 2 + 2000] = bytes(2000)
        path.write_bytes(data)
    elif kind == "playlist":
        path = folder / "bad.mp3"
        path.write_text(f"#EXTM3U\n#EXTINF:2,\n{good}\n")
    elif kind == "no audio":
        path = folder / "bad.mp3"
        path.write_text("not music at all\n" * 200)
    return path


@pytest.mark.parametrize(
    "kind",
    ["missing", "folder", "empty", "random", "truncated wav", "no frames", "not finite", "truncated flac",
     "corrupt flac", "playlist", "no audio"],
)  # fmt: skip
def test_bad_files_are_refused_in_one_line_that_names_them(tmp_path: Path, kind: str) -> None:
    path = bad(tmp_path, kind)
    with pytest.raises(UserError) as error:
        audio.read(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["-dash.wav", "100%.wav", "nø ïse.wav", "new\nline.wav", "a'b\"c.wav"])
def test_odd_names_are_no_obstacle(tmp_path: Path, name: str) -> None:
    assert audio.read(write(tmp_path / name, music(0.3))).channels == 2
    coded = encode(tmp_path / "plain.opus", music(0.5, rate=48_000))
    assert audio.read(coded.rename(tmp_path / name.replace(".wav", ".opus"))).channels == 2


def test_surround_is_mixed_down_without_clipping() -> None:
    full = np.ones((4, 6), np.float32)
    np.testing.assert_allclose(audio.to_stereo(full), np.ones((4, 2)), rtol=1e-6)
    effects_only = np.zeros((4, 6), np.float32)
    effects_only[:, 3] = 1
    assert not audio.to_stereo(effects_only).any()


def test_resampling_keeps_a_tone_and_its_level() -> None:
    tone = np.sin(2 * np.pi * 1000 * np.arange(44_100) / 44_100).astype(np.float32)
    found = audio.resample(tone, 44_100, 48_000)
    expected = np.sin(2 * np.pi * 1000 * np.arange(48_000) / 48_000)
    assert len(found) == 48_000
    np.testing.assert_allclose(found[500:-500], expected[500:-500], atol=1e-4)


def test_level_and_silence() -> None:
    assert audio.level_dbfs(np.full((10, 1), 0.1, np.float32)) == pytest.approx(-20, abs=1e-5)
    assert audio.is_silent(np.zeros((10, 1), np.float32))
    assert not audio.is_silent(music(0.1))


def test_a_file_too_large_to_be_read_whole_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.flac", np.zeros((RATE, 2), np.float32))
    monkeypatch.setenv("DEEPAQ_LARGEST_SAMPLES", str(2 * RATE - 1))
    with pytest.raises(UserError, match=r"a\.flac: is longer than 88199 samples"):
        audio.read(path)
    assert sum(block.frames for block in audio.blocks(path)) == RATE
    monkeypatch.setenv("DEEPAQ_LARGEST_SAMPLES", str(2 * RATE))
    assert audio.read(path).frames == RATE
    monkeypatch.setenv("DEEPAQ_LARGEST_SAMPLES", "many")
    with pytest.raises(UserError, match="DEEPAQ_LARGEST_SAMPLES=many: give a whole number"):
        audio.read(path)


def test_more_channels_than_anyone_has_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", np.zeros((100, 65), np.float32))
    with pytest.raises(UserError, match="has 65 channels; at most 64"):
        audio.read(path)


def test_an_unknown_codec_is_named_so_by_reading_and_by_probing(tmp_path: Path) -> None:
    form = np.array([0x4242, 1], "<u2").tobytes() + np.array([RATE, RATE], "<u4").tobytes() + b"\1\0\x08\0"
    content = b"WAVEfmt " + len(form).to_bytes(4, "little") + form + b"data\x40\0\0\0" + bytes(64)
    path = tmp_path / "a.wav"
    path.write_bytes(b"RIFF" + len(content).to_bytes(4, "little") + content)
    for use in (audio.read, probe):
        with pytest.raises(UserError, match=r"a\.wav: holds audio of an unknown codec"):
            use(path)


@pytest.mark.parametrize(("name", "says"), [("a.pcm", "raw samples without a header"), ("a.rm", "see docs/limits.md")])
def test_what_is_not_read_says_why(tmp_path: Path, name: str, says: str) -> None:
    import subprocess

    from imageio_ffmpeg import get_ffmpeg_exe

    form = {"a.pcm": ["-f", "s16le"], "a.rm": ["-f", "rm", "-c:a", "ac3"]}[name]
    source = write(tmp_path / "a.wav", music(1))
    subprocess.run([get_ffmpeg_exe(), "-loglevel", "error", "-i", source, *form, tmp_path / name], check=True)
    with pytest.raises(UserError, match=says):
        audio.read(tmp_path / name)
    with pytest.raises(UserError, match=says):
        probe(tmp_path / name)
