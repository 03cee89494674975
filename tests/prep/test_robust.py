"""Files that are broken or odd: bad ones are rows and one line each, and the others are done."""

from __future__ import annotations

import http.server
import json
import os
import re
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from deepaq.audio import read
from deepaq.files import printable
from manifests import schema
from manifests.check import problems
from manifests.dataset import Dataset
from prep.cli import main
from prep.coding import ffmpeg
from prep.transcode import Settings, transcode
from tests.sounds import RATE, music, write

SOUND = music(2.2, 1)


def table(out: Path, spec: schema.TableSpec) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = Dataset(out).table(spec).to_pylist()
    return sorted(rows, key=lambda row: str(row[spec.key[0]]))


def truncated(path: Path, make: Callable[[Path], object], cut: int = 9000) -> None:
    make(path)
    path.write_bytes(path.read_bytes()[:-cut])


def corrupt(path: Path) -> None:
    write(path, SOUND)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 400] = np.random.default_rng(0).bytes(400)
    path.write_bytes(content)


def plain(path: Path, text: str) -> None:
    path.write_text(text)


# What is made under which name, and what its one line says.
BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "truncated.flac": (lambda path: truncated(path, lambda p: write(p, SOUND)), "cannot be read|truncated"),
    "truncated.wav": (lambda path: truncated(path, lambda p: write(p, SOUND)), "is truncated"),
    "truncated.aiff": (lambda path: truncated(path, lambda p: write(p, SOUND)), "is truncated"),
    "corrupt.flac": (corrupt, "cannot be read"),
    "random.flac": (lambda path: path.write_bytes(np.random.default_rng(1).bytes(5000)), "cannot be decoded|holds no"),
    "random.wav": (lambda path: path.write_bytes(np.random.default_rng(2).bytes(5000)), "cannot be decoded|holds no"),
    "random.mp3": (lambda path: path.write_bytes(np.random.default_rng(3).bytes(5000)), "cannot be decoded|holds no"),
    "no-frames.wav": (lambda path: write(path, SOUND[:0]), "holds no audio"),
    "empty.wav": (lambda path: path.touch(), "file is empty"),
    "nan.wav": (lambda path: write(path, np.full_like(SOUND, np.nan), subtype="FLOAT"), "NaN"),
    "inf.wav": (lambda path: write(path, SOUND + np.float32(np.inf), subtype="FLOAT"), "infinite"),
    "rate.wav": (lambda path: write(path, SOUND, 1000), "sample rate"),
    "picture.mp3": (lambda path: path.write_bytes(b"\xff\xd8\xff\xe0" + bytes(3000)), "cannot be decoded|holds no"),
    "playlist.mp3": (lambda path: plain(path, "#EXTM3U\nhttp://127.0.0.1:PORT/a.mp3\n"), "cannot be decoded"),
    "segments.m4a": (
        lambda path: plain(path, "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://127.0.0.1:PORT/a.ts\n"),
        "cannot be decoded",
    ),
    "concat.wav": (lambda path: plain(path, "ffconcat version 1.0\nfile 'good.wav'\n"), "cannot be decoded"),
    "concat.ogg": (lambda path: plain(path, "ffconcat version 1.0\nfile 'mono.wav'\n"), "cannot be decoded"),
    "scale.wav": (lambda path: write(path, 32768 * SOUND, subtype="FLOAT"), "where full scale is 1; export it again"),
    "pipe.wav": (os.mkfifo, "is a pipe or a device, not a file; write the audio to a file first"),
    "no text \udce9.mp3": (lambda path: path.write_bytes(bytes(3000)), "cannot be decoded|holds no"),
    "dangling.wav": (lambda path: path.symlink_to("nowhere.wav"), "no such file"),
    "two\nlines.wav": (lambda path: path.write_bytes(b"RIFF"), "cannot be (read|decoded)"),
}
# What is odd and yet music.
GOOD: dict[str, Callable[[Path], object]] = {
    "good.wav": lambda path: write(path, SOUND),
    "-dash.wav": lambda path: write(path, music(2.2, 2)),
    "new\nline %d 'ä' \"ñ\".flac": lambda path: write(path, music(2.2, 3)),
    "no text \udce9.flac": lambda path: write(path.with_name(".sound.flac"), music(2.2, 16)).rename(path),
    "inverted.wav": lambda path: write(path, music(2.2, 15, channels=1) * np.float32([1, -1])),
    "mono.wav": lambda path: write(path, music(2.2, 4, channels=1)),
    "surround.wav": lambda path: write(path, music(2.2, 5, channels=6)),
    "eight-bit.wav": lambda path: write(path, music(2.2, 6), subtype="PCM_U8"),
    "deep.wav": lambda path: write(path, music(2.2, 7), subtype="PCM_32"),
    "double.wav": lambda path: write(path, music(2.2, 8), subtype="DOUBLE"),
    "loud.wav": lambda path: write(path, 3 * music(2.2, 9), subtype="FLOAT"),
    "slow.wav": lambda path: write(path, music(2.2, 10, rate=8000), 8000),
    "fast.wav": lambda path: write(path, music(2.2, 11, rate=192_000), 192_000, "PCM_24"),
    "flac-in.wav": lambda path: soundfile.write(path, music(2.2, 12), RATE, format="FLAC"),
    "wav-in.mp3": lambda path: soundfile.write(path, music(2.2, 13), RATE, format="WAV"),
    "cover.m4a": lambda path: with_cover(path, music(2.2, 14)),
}


def with_cover(path: Path, samples: np.ndarray) -> None:
    wav, cover = write(path.with_name(".sound.wav"), samples), path.with_name(".cover.png")
    assert ffmpeg.run(["-f", "lavfi", "-i", "color=red:s=64x64:d=0.1", "-frames:v", "1", str(cover)], 60) is None
    arguments = ["-i", str(wav), "-i", str(cover), "-map", "0:a", "-map", "1:v", "-c:v", "copy"]
    arguments += ["-disposition:v", "attached_pic", "-c:a", "alac", ffmpeg.file_url(path)]
    assert ffmpeg.run(arguments, 60) is None
    wav.unlink()
    cover.unlink()


class Server(http.server.ThreadingHTTPServer):
    """Counts who comes by: nobody may."""

    def __init__(self) -> None:
        self.asked = 0
        super().__init__(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)

    def verify_request(self, request: object, client_address: object) -> bool:
        self.asked += 1
        return False


def test_every_bad_file_is_one_clear_line_and_the_others_are_done(tmp_path: Path) -> None:
    folder = tmp_path / "music"
    folder.mkdir()
    with Server() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for name, (make, _) in BAD.items():
            make(folder / name)
            if "PORT" in (text := (folder / name).read_bytes() if (folder / name).is_file() else b"").decode("latin1"):
                (folder / name).write_bytes(text.replace(b"PORT", str(server.server_address[1]).encode()))
        for name, good in GOOD.items():
            good(folder / name)
        (folder / "loop").symlink_to(folder)
        arguments = ["transcode", str(folder), "--out", str(tmp_path / "data"), "--codecs", "opus", "--bitrates", "64",
                     "--clip", "2", "--allow-lossy", "--jobs", "1", "--json", "--quiet"]  # fmt: skip
        run = CliRunner().invoke(main, arguments, catch_exceptions=False)
        server.shutdown()
        assert server.asked == 0
    assert run.exit_code == 1
    result = json.loads(run.stdout.splitlines()[-1])
    assert (result["references"], result["ok"], result["failed"]) == (len(GOOD), len(GOOD), len(BAD))
    lines = [line.removeprefix("error: ") for line in run.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == len(BAD)
    for name, (_, message) in BAD.items():
        shown = printable(name).replace("\n", "\\n")
        (line,) = [line for line in lines if f"/{shown}: " in line]
        assert re.search(message, line), line
    assert list(problems(Dataset(tmp_path / "data"), deep=True)) == []
    rows = table(tmp_path / "data", schema.REFERENCES)
    assert {row["sample_rate"] for row in rows if row["status"] == schema.OK} == {RATE}
    (loud,) = [row for row in rows if str(row["track_path"]).endswith("loud.wav")]
    assert np.abs(read(tmp_path / "data" / str(loud["path"])).samples).max() > 1.2


def test_a_file_without_permission_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.wav", SOUND)
    write(tmp_path / "b.wav", music(2.2, 2))
    monkeypatch.setattr(os, "access", lambda name, mode: Path(name) != path)  # root may read everything
    result = transcode([tmp_path], tmp_path / "data", Settings(("opus",), (64,), 2, jobs=1, quiet=True))
    assert (result["ok"], result["failed"]) == (1, 1)
    assert "a.wav: cannot be read; check its permissions" in result["errors"][0]
