"""Files that were cut from pipes, damaged or have gaps in their time stamps: read as a player plays them, and noted."""

from __future__ import annotations

import subprocess
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from imageio_ffmpeg import get_ffmpeg_exe

from deepaq.audio import read
from deepaq.audio.container import kind_of
from deepaq.audio.decode import probe
from deepaq.errors import UserError
from tests.sounds import music, write

RATE = 48_000
SECONDS = 6


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("clean") / "clean.wav", music(SECONDS, rate=RATE), RATE)


def ffmpeg(source: Path, target: Path, *options: str) -> Path:
    """Code a file with ffmpeg."""
    subprocess.run([get_ffmpeg_exe(), "-y", "-loglevel", "error", "-i", source, *options, target], check=True)
    return target


def piped(source: Path, target: Path, *options: str) -> Path:
    """Code a file with ffmpeg into a pipe, where no header can be completed afterwards."""
    command = [get_ffmpeg_exe(), "-loglevel", "error", "-i", source, *options, "-"]
    target.write_bytes(subprocess.run(command, check=True, capture_output=True).stdout)
    return target


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.wav", ("-f", "wav")),
        ("a.aiff", ("-f", "aiff")),
        ("float.aiff", ("-f", "aiff", "-c:a", "pcm_f32be")),
        ("a.flac", ("-f", "flac")),
        ("a.mkv", ("-f", "matroska", "-c:a", "pcm_s16le")),
        ("a.au", ("-f", "au")),
    ],
)
def test_lossless_files_from_a_pipe_are_read_to_the_last_sample(
    clean: Path, tmp_path: Path, name: str, options: tuple[str, ...]
) -> None:
    found = read(piped(clean, tmp_path / name, *options))
    np.testing.assert_array_equal(found.samples, read(clean).samples)
    header = probe(tmp_path / name)
    assert (header.seconds, header.lossy) == (pytest.approx(SECONDS, abs=0.01), False)


@pytest.mark.parametrize("length", [0, 0x7F000000, 0x7FFFF000, 0x7FFFFF00, 0xFFFFFFFF])
def test_a_wav_header_that_leaves_its_length_open_is_no_truncation(clean: Path, tmp_path: Path, length: int) -> None:
    content = bytearray(clean.read_bytes())
    place = content.index(b"data") + 4
    content[place : place + 4] = length.to_bytes(4, "little")
    path = tmp_path / "open.wav"
    path.write_bytes(content)
    found = read(path)
    np.testing.assert_array_equal(found.samples, read(clean).samples)
    assert found.notes == (f"{path}: its header does not say how long it is; a missing end would not be noticed",)
    assert probe(path).seconds == pytest.approx(SECONDS)


@pytest.mark.parametrize("share", [0.999, 0.5, 0.1])
@pytest.mark.parametrize("name", ["a.wav", "a.aiff", "a.flac"])
def test_a_proven_truncation_is_refused(clean: Path, tmp_path: Path, name: str, share: float) -> None:
    content = ffmpeg(clean, tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: int(share * len(content))])
    with pytest.raises(UserError, match=r"truncated|cannot be read"):
        read(tmp_path / name)
    assert name == "a.flac" or kind_of(tmp_path / name).missing > 0


@pytest.mark.parametrize(
    ("name", "codec", "later_s"),
    [
        ("pcm.avi", "pcm_s16le", 0),
        ("mp3.avi", "libmp3lame", 0.06),
        ("mp3.wav", "libmp3lame", 0.06),
        ("ac3.wav", "ac3", 0.01),
        ("adpcm.wav", "adpcm_ima_wav", 0),
    ],
)
def test_riff_files_that_libsndfile_does_not_know_are_read_by_ffmpeg(
    clean: Path, tmp_path: Path, name: str, codec: str, later_s: float
) -> None:
    found = read(ffmpeg(clean, tmp_path / name, "-c:a", codec))
    assert found.sample_rate == RATE
    assert found.seconds == pytest.approx(SECONDS, abs=0.1)
    lag = best_lag(read(clean).samples[:, 0], found.samples[:, 0])
    assert 0 <= lag <= later_s * RATE


def best_lag(first: np.ndarray, second: np.ndarray) -> int:
    size = 1 << (len(first) + len(second)).bit_length()
    cross = np.fft.irfft(np.fft.rfft(second, size) * np.conj(np.fft.rfft(first, size)))
    lag = int(np.argmax(cross))
    return lag if lag < size // 2 else lag - size


def test_g726_in_wav_is_read(clean: Path, tmp_path: Path) -> None:
    path = ffmpeg(clean, tmp_path / "a.wav", "-ar", "8000", "-ac", "1", "-c:a", "g726")
    assert read(path).seconds == pytest.approx(SECONDS, abs=0.01)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.mp3", ("-b:a", "128k")),
        ("a.mp2", ("-b:a", "192k")),
        ("a.aac", ("-b:a", "128k")),
        ("a.m4a", ("-b:a", "128k")),
        ("a.ac3", ("-b:a", "192k")),
        ("a.ogg", ("-c:a", "libvorbis")),
        ("a.opus", ("-b:a", "96k")),
        ("a.wma", ("-b:a", "128k")),
        ("a.ts", ("-c:a", "aac")),
        ("a.mkv", ("-c:a", "libmp3lame", "-b:a", "128k")),
    ],
)
def test_a_burst_of_bad_bytes_costs_only_its_own_time(
    clean: Path, tmp_path: Path, name: str, options: tuple[str, ...]
) -> None:
    whole = read(ffmpeg(clean, tmp_path / name, *options))
    content = bytearray((tmp_path / name).read_bytes())
    middle = len(content) // 2
    content[middle : middle + 2000] = np.random.default_rng(1).bytes(2000)
    damaged = tmp_path / f"damaged{Path(name).suffix}"
    damaged.write_bytes(content)
    found = read(damaged)
    assert abs(found.frames - whole.frames) <= 1152
    rest = slice(round(5.3 * RATE), round(5.9 * RATE))
    assert best_lag(whole.samples[rest, 0], found.samples[rest, 0]) == 0
    assert np.corrcoef(whole.samples[rest, 0], found.samples[rest, 0])[0, 1] > 0.99
    assert len(found.notes) in {1, 2}
    assert all(line.startswith(f"{damaged}: ") and "filled" in line for line in found.notes)


def test_joined_mp3_files_are_read_one_after_the_other(clean: Path, tmp_path: Path) -> None:
    single = ffmpeg(clean, tmp_path / "a.mp3", "-b:a", "128k")
    both = tmp_path / "both.mp3"
    both.write_bytes(single.read_bytes() * 2)
    found, one = read(both), read(single)
    np.testing.assert_allclose(found.samples[: one.frames - 2000], one.samples[:-2000], atol=1e-4)
    assert found.frames == pytest.approx(2 * one.frames, abs=4 * 1152)


def test_a_file_that_is_mostly_damaged_is_refused(clean: Path, tmp_path: Path) -> None:
    path = ffmpeg(clean, tmp_path / "a.m4a", "-b:a", "128k")
    content = bytearray(path.read_bytes())
    start, end = content.index(b"mdat") + 2000, content.rindex(b"moov") - 4
    content[start:end] = np.random.default_rng(1).bytes(end - start)
    path.write_bytes(content)
    with pytest.raises(UserError, match="packets are damaged"):
        read(path)


def remuxed(source: Path, target: Path, keep: object, shift_s: object, form: str | None = None) -> Path:
    """Copy the packets that `keep(index)` chooses, each `shift_s(index)` seconds later."""
    with av.open(str(source)) as given, av.open(str(target), "w", format=form) as out:
        stream = out.add_stream_from_template(given.streams.audio[0])
        for index, packet in enumerate(given.demux(audio=0)):
            if not packet.size or not keep(index):  # type: ignore[operator]
                continue
            ticks = int(Fraction(shift_s(index)) / packet.time_base)  # type: ignore[operator]
            packet.pts, packet.dts = packet.pts + ticks, packet.dts + ticks
            packet.stream = stream
            out.mux(packet)
    return target


FORMS = [
    ("opus.webm", "libopus"),
    ("vorbis.webm", "libvorbis"),
    ("opus.mkv", "libopus"),
    ("aac.mkv", "aac"),
    ("pcm.mkv", "pcm_s16le"),
    ("aac.mp4", "aac"),
    ("aac.ts", "aac"),
    ("mp3.ts", "libmp3lame"),
    ("aac.flv", "aac"),
]


@pytest.mark.parametrize(("name", "codec"), FORMS)
def test_a_gap_in_the_time_stamps_is_silence(clean: Path, tmp_path: Path, name: str, codec: str) -> None:
    whole = ffmpeg(clean, tmp_path / name, "-c:a", codec)
    later = remuxed(whole, tmp_path / f"gap{Path(name).suffix}", lambda _: True, lambda index: 0.5 * (index >= 20))
    found, expected = read(later), read(whole)
    assert found.frames == pytest.approx(expected.frames + RATE / 2, abs=0.002 * RATE)
    (line,) = found.notes
    assert "its time stamps leave a gap, 0.50 s in all" in line
    rest = found.samples[found.frames - RATE : found.frames - RATE // 2, 0]
    same = expected.samples[expected.frames - RATE : expected.frames - RATE // 2, 0]
    assert abs(best_lag(same, rest)) <= 0.002 * RATE


@pytest.mark.parametrize(("name", "codec"), FORMS)
def test_lost_packets_keep_their_time(clean: Path, tmp_path: Path, name: str, codec: str) -> None:
    whole = ffmpeg(clean, tmp_path / name, "-c:a", codec)
    lost = remuxed(whole, tmp_path / f"lost{Path(name).suffix}", lambda index: index % 50 != 30, lambda _: 0)
    found, expected = read(lost), read(whole)
    assert abs(found.frames - expected.frames) <= 0.004 * RATE
    rest = slice(round(4.8 * RATE), round(5.6 * RATE))
    assert abs(best_lag(expected.samples[rest, 0], found.samples[rest, 0])) <= 0.002 * RATE
    assert "filled with silence" in found.notes[0]


@pytest.mark.parametrize("codec", ["libopus", "libvorbis"])
def test_lost_ogg_pages_keep_their_time(clean: Path, tmp_path: Path, codec: str) -> None:
    whole = ffmpeg(clean, tmp_path / "whole.ogg", "-c:a", codec, "-page_duration", "300000")
    pages = [b"OggS" + page for page in whole.read_bytes().split(b"OggS")[1:]]
    del pages[8], pages[5]
    (tmp_path / "lost.ogg").write_bytes(b"".join(pages))
    found, expected = read(tmp_path / "lost.ogg"), read(whole)
    assert abs(found.frames - expected.frames) <= 0.001 * RATE
    rest = slice(round(4.8 * RATE), round(5.6 * RATE))
    assert best_lag(expected.samples[rest, 0], found.samples[rest, 0]) == 0
    assert "its time stamps leave 2 gaps" in found.notes[0]


@pytest.mark.parametrize(("name", "codec"), FORMS)
def test_whole_files_have_no_gaps(clean: Path, tmp_path: Path, name: str, codec: str) -> None:
    assert read(ffmpeg(clean, tmp_path / name, "-c:a", codec)).notes == ()


def test_a_clock_that_starts_anew_leaves_no_gap(clean: Path, tmp_path: Path) -> None:
    part = ffmpeg(clean, tmp_path / "a.ogg", "-c:a", "libopus")
    (tmp_path / "both.ogg").write_bytes(part.read_bytes() * 2)
    found = read(tmp_path / "both.ogg")
    assert found.frames == pytest.approx(2 * read(part).frames, abs=0.03 * RATE)
    assert found.notes == ()


def test_time_stamps_that_claim_hours_are_refused(clean: Path, tmp_path: Path) -> None:
    whole = ffmpeg(clean, tmp_path / "a.mka", "-c:a", "libopus")
    later = remuxed(whole, tmp_path / "b.mka", lambda _: True, lambda index: 100_000 * (index >= 20))
    with pytest.raises(UserError, match="more than an hour"):
        read(later)
