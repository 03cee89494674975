"""More than forty pairs of container and codec, written to a file and to a pipe: each scores like its PCM."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from imageio_ffmpeg import get_ffmpeg_exe

import deepaq
from deepaq.audio import Audio
from deepaq.scoring.metric import Metric
from tests.sounds import music, write

RATE, SECONDS = 48_000, 3
PAIRS = {  # ffmpeg's name of the container, then codecs with options
    "wav": ["pcm_s16le", "pcm_s24le", "pcm_f32le", "pcm_mulaw", "adpcm_ms", "libmp3lame", "ac3"],
    "w64": ["pcm_s16le"],
    "aiff": ["pcm_s16be", "pcm_s24be"],
    "au": ["pcm_s16be"],
    "caf": ["pcm_s16be", "alac"],
    "flac": ["flac"],
    "wv": ["wavpack"],
    "tta": ["tta"],
    "avi": ["pcm_s16le", "libmp3lame", "ac3"],
    "matroska": ["flac", "pcm_s16le", "libopus", "aac", "libvorbis"],
    "webm": ["libopus", "libvorbis"],
    "ogg": ["libopus", "libvorbis", "flac"],
    "mp4": ["aac", "alac", "libmp3lame"],
    "mov": ["pcm_s16le", "aac"],
    "ipod": ["aac"],
    "adts": ["aac"],
    "mp3": ["libmp3lame"],
    "mp2": ["mp2"],
    "ac3": ["ac3"],
    "eac3": ["eac3"],
    "dts": ["dca -strict -2"],
    "asf": ["wmav2"],
    "mpegts": ["aac", "libmp3lame"],
    "vob": ["mp2", "ac3"],
    "voc": ["pcm_s16le"],
    "nut": ["pcm_s16le", "libopus"],
    "flv": ["aac", "libmp3lame -ar 44100"],
}
CASES = [(container, codec) for container, codecs in PAIRS.items() for codec in codecs]
NEED_A_FILE = {"caf", "wv", "tta", "mov", "mp4", "ipod"}  # what ffmpeg itself cannot, or not fully, write to a pipe


@pytest.fixture(scope="module")
def metric() -> Metric:
    return deepaq.load()


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("clean") / "clean.wav", music(SECONDS, 1, RATE), RATE)


def decoded(path: Path) -> Audio:
    """The PCM that the ffmpeg program makes of a file."""
    command = [get_ffmpeg_exe(), "-loglevel", "error", "-i", path, "-f", "f32le", "-ar", str(RATE), "-"]
    data = subprocess.run(command, check=True, capture_output=True).stdout
    return Audio(np.frombuffer(data, "<f4").reshape(-1, 2), RATE)


def test_there_are_forty() -> None:
    assert len(CASES) >= 40


@pytest.mark.parametrize(("container", "codec"), CASES, ids=lambda value: value.split()[0])
def test_every_form_scores_like_its_pcm(
    metric: Metric, clean: Path, tmp_path: Path, container: str, codec: str
) -> None:
    file, piped = tmp_path / "file", tmp_path / "piped"
    command = [get_ffmpeg_exe(), "-loglevel", "error", "-i", clean, "-c:a", *codec.split(), "-f", container]
    subprocess.run([*command, file], check=True)
    if container not in NEED_A_FILE:
        piped.write_bytes(subprocess.run([*command, "-"], check=True, capture_output=True).stdout)
    expected = metric.score(clean, decoded(file))
    for path in filter(Path.exists, (file, piped)):
        found = metric.score(clean, path)
        assert found.mos == pytest.approx(expected.mos, abs=0.01), path
        assert found.seconds == pytest.approx(expected.seconds, abs=0.03), path
        assert not any("gap" in line or "damaged" in line for line in found.notes), path
