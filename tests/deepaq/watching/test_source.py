"""Streams as they come: whatever the chunks, forms and ends, the samples are those of the file, in constant memory."""

from __future__ import annotations

import subprocess
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from imageio_ffmpeg import get_ffmpeg_exe

from deepaq.audio import Audio, Samples, read
from deepaq.errors import UserError
from deepaq.watching.feed import Feed
from deepaq.watching.source import Source
from tests.deepaq.watching.pipes import RATE, Part, chunked, header, pipe, raw
from tests.sounds import music, write


@pytest.fixture(scope="module")
def sound() -> Samples:
    """Two seconds that 16 bits hold exactly."""
    return np.frombuffer(raw(music(2.0, 1, rate=RATE)), "<i2").reshape(-1, 2).astype(np.float32) / 32768


def decoded(source: Source) -> Samples:
    return np.concatenate([audio.samples for audio in source.blocks()])


def data(sound: Samples) -> bytes:
    return (sound * 32768).astype("<i2").tobytes()


@settings(max_examples=20, deadline=None)
@given(sizes=st.lists(st.integers(1, 50_000), min_size=1, max_size=5).filter(lambda sizes: sum(sizes) > 500))
@pytest.mark.parametrize("wave", [True, False])
def test_chunks_of_any_size_give_the_same_samples(
    sound: Samples, wave: bool, sizes: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("chunks") / "p"
    written = chunked((header() if wave else b"") + data(sound), sizes)
    with pipe(path, written):
        found = decoded(Source(str(path), None if wave else f"s16le:{RATE}:2"))
    assert np.array_equal(found, sound)


@pytest.mark.parametrize("length", [0, 0xFFFFFFFF, 0x7FFFF000, 0x7F000000, 0x7FFFFF00])
def test_lengths_that_mean_an_open_end_are_not_believed(sound: Samples, length: int, tmp_path: Path) -> None:
    with pipe(tmp_path / "p", [header(length), data(sound)]):
        source = Source(str(tmp_path / "p"))
        assert np.array_equal(decoded(source), sound)
    assert source.ending == ""


def test_a_stated_length_ends_the_samples_and_a_missing_end_is_said(sound: Samples, tmp_path: Path) -> None:
    whole = data(sound)
    with pipe(tmp_path / "a", [header(len(whole)), whole, b"LIST\x04\0\0\0abcd"]):
        source = Source(str(tmp_path / "a"))
        assert np.array_equal(decoded(source), sound)
    assert source.ending == ""
    with pipe(tmp_path / "b", [header(len(whole)), whole[:-4000]]):
        source = Source(str(tmp_path / "b"))
        assert np.array_equal(decoded(source), sound[:-1000])
    assert source.ending == "ended 4000 bytes before the end that its header states"


@pytest.mark.parametrize("form", ["flac", "mp3", "adts", "ogg", "matroska"])
def test_a_coded_stream_is_decoded_like_its_file(form: str, sound: Samples, tmp_path: Path) -> None:
    clean = write(tmp_path / "clean.wav", sound, RATE)
    coded = subprocess.run(
        [get_ffmpeg_exe(), "-v", "error", "-i", clean, "-f", form, "-"], check=True, capture_output=True
    ).stdout
    (tmp_path / f"file.{form}").write_bytes(coded)
    with pipe(tmp_path / "p", chunked(coded, [1000, 1, 7777])):
        found = decoded(Source(str(tmp_path / "p")))
    expected = read(tmp_path / f"file.{form}").samples
    assert len(found) == pytest.approx(len(expected), abs=2048)  # a pipe lacks the length of the last packet
    common = min(len(found), len(expected))
    assert np.allclose(found[:common], expected[:common], atol=1e-6)


def test_files_and_ffmpegs_own_inputs_are_read(sound: Samples, tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", sound, RATE)
    assert np.array_equal(decoded(Source(str(path))), sound)
    path.with_suffix(".raw").write_bytes(data(sound))
    assert np.array_equal(decoded(Source(str(path.with_suffix(".raw")), f"s16le:{RATE}:2")), sound)
    tone = decoded(Source("sine=frequency=440:duration=1:sample_rate=8000", ffmpeg="lavfi"))
    assert tone.shape == (8000, 1)


@pytest.mark.parametrize(
    ("form", "kind", "full"),
    [
        ("f32be", ">f4", 1),
        ("f64le", "<f8", 1),
        ("s32le", "<i4", 2**31),
        ("s24le", "<i4", 2**23),
        ("s16be", ">i2", 2**15),
    ],
)
def test_forms_without_a_header(form: str, kind: str, full: int, sound: Samples, tmp_path: Path) -> None:
    written = (sound.astype(float) * full).astype(kind).tobytes()
    if form == "s24le":
        written = np.frombuffer(written, "u1").reshape(-1, 4)[:, :3].tobytes()
    with pipe(tmp_path / "p", [written]):
        assert np.array_equal(decoded(Source(str(tmp_path / "p"), f"{form}:{RATE}:2")), sound)


@pytest.mark.parametrize(
    "form", ["s16le", "s16le:48000", "mp3:48000:2", "s16le:1:2", "s16le:48000:99", "S16LE:48000:2"]
)
def test_an_impossible_form_is_refused(form: str) -> None:
    with pytest.raises(UserError, match=r"s16le|mp3"):
        Source("-", form)


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ([], "ended before any audio"),
        ([b"no audio at all" * 100], "cannot be decoded"),
        ([header()[:30]], "has a WAV header without samples"),
        ([header(), np.full(1000, np.nan, "<f4").tobytes()], None),
    ],
)
def test_what_is_no_audio_is_one_line(parts: list[Part], says: str | None, tmp_path: Path) -> None:
    with pipe(tmp_path / "p", parts):
        if says is None:
            decoded(Source(str(tmp_path / "p")))  # any bits are samples of 16 bits
            return
        with pytest.raises(UserError, match=f"{tmp_path / 'p'}: {says}"):
            decoded(Source(str(tmp_path / "p")))


def test_samples_that_are_not_finite_end_the_stream(tmp_path: Path) -> None:
    values = np.zeros(RATE, "<f4")
    values[-5] = np.nan
    with (
        pipe(tmp_path / "p", [values.tobytes()]),
        pytest.raises(UserError, match="holds NaN or infinite samples"),
    ):
        decoded(Source(str(tmp_path / "p"), f"f32le:{RATE}:1"))


def test_a_playlist_opens_nothing_else(tmp_path: Path, sound: Samples) -> None:
    write(tmp_path / "secret.wav", sound, RATE)
    (tmp_path / "list.m3u8").write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nsecret.wav\n")
    with pytest.raises(UserError, match="cannot be decoded"):
        decoded(Source(str(tmp_path / "list.m3u8")))


class Endless(Source):
    """A stream without an end that counts its blocks."""

    made = 0

    def blocks(self) -> Iterator[Audio]:
        block = np.ones((4800, 2), np.float32)
        while True:
            self.made += 1
            yield Audio(block + self.made, RATE, name="endless")


def test_a_feed_takes_constant_memory_and_reads_little_ahead() -> None:
    source, said = Endless("endless"), []
    tracemalloc.start()
    with Feed(source, said.append, 5.0) as feed:
        for number in range(120):
            part = feed.read(10.0)
            assert part is not None
            assert part.frames == 480_000
            if number == 10:
                tracemalloc.reset_peak()
                before = tracemalloc.get_traced_memory()[1]
        peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert feed.start_s == pytest.approx(1200)
    assert source.made <= 12_000 + 60
    assert peak < before + 16e6
    assert not said


@settings(max_examples=25, deadline=None)
@given(rate=st.sampled_from([8000, 44_100, 22_050]), seconds=st.floats(0.02, 0.4), count=st.integers(1, 30))
def test_taken_lengths_add_up_to_the_time(rate: int, seconds: float, count: int) -> None:
    class Counting(Source):
        def blocks(self) -> Iterator[Audio]:
            for start in range(0, 20 * rate, 777):
                yield Audio(np.arange(start, start + 777, dtype=np.float32)[:, None], rate, name="counting")

    with Feed(Counting("counting"), print, 5.0) as feed:
        for number in range(count):
            part = feed.read(seconds)
            assert part is not None
            assert float(part.samples[0, 0]) == pytest.approx(number * seconds * rate, abs=0.5001)
        rest = feed.peek(0.01)
    assert rest is not None
    assert rest.samples[0, 0] == pytest.approx(count * seconds * rate, abs=1)


def test_a_stall_is_said_once_and_so_is_its_end(sound: Samples, tmp_path: Path) -> None:
    said: list[str] = []
    with (
        pipe(tmp_path / "p", [header(), data(sound)[:200_000], 0.8, data(sound)[200_000:]]),
        Feed(Source(str(tmp_path / "p")), said.append, 0.2) as feed,
    ):
        assert feed.read(2.0).frames == 2 * RATE
        assert feed.read(2.0) is None
        assert feed.ended
    assert len(said) == 2
    assert "no audio for 0.2 s, at 0.00 s; waiting" in said[0]
    assert "audio again after" in said[1]


def test_a_new_form_begins_a_section(sound: Samples, tmp_path: Path) -> None:
    parts = []
    for rate, channels in ((44_100, 2), (48_000, 1)):
        path = write(tmp_path / f"{rate}.wav", music(2.0, 1, rate=rate)[:, :channels], rate)
        command = [get_ffmpeg_exe(), "-v", "error", "-i", path, "-f", "adts", "-"]
        parts.append(subprocess.run(command, check=True, capture_output=True).stdout)
    said: list[str] = []
    with pipe(tmp_path / "p", parts), Feed(Source(str(tmp_path / "p")), said.append, 5.0) as feed:
        first = feed.read(9.0)
        assert (first.sample_rate, first.channels) == (44_100, 2)
        assert feed.read(1.0) is None
        change = feed.next_section()
        assert change == f"{tmp_path / 'p'}: continues at 48000 Hz with 1 channel from {first.seconds:.2f} s"
        second = feed.read(9.0)
        assert (second.sample_rate, second.channels) == (48_000, 1)
        assert first.seconds + second.seconds == pytest.approx(4.0, abs=0.2)
        assert feed.read(1.0) is None
        assert feed.next_section() is None
        assert feed.ended


def test_damage_within_a_stream_becomes_a_note(sound: Samples, tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", np.tile(sound, (3, 1)), RATE)
    command = [get_ffmpeg_exe(), "-v", "error", "-i", path, "-f", "mp3", "-"]
    coded = bytearray(subprocess.run(command, check=True, capture_output=True).stdout)
    coded[30_000:33_000] = bytes(3000)
    with pipe(tmp_path / "p", [bytes(coded)]), Feed(Source(str(tmp_path / "p")), print, 5.0) as feed:
        found = feed.read(20.0)
    assert found is not None
    assert found.seconds > 5
    assert any("damaged packets were skipped" in note for note in found.notes)
