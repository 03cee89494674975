"""A minimal sound font: one decaying tone for every program."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

_PITCH, _RATE, _FRAMES, _PAD = 69, 44_100, 22_050, 46  # MIDI key; Hz; frames, and zeros that the format requires


def write_soundfont(path: Path, programs: tuple[tuple[int, int], ...] = ((0, 0), (128, 0))) -> Path:
    """Write a sound font with `programs` (bank, preset), after the SoundFont technical 2.04, section 7."""
    time = np.arange(_FRAMES) / _RATE
    tone = np.sin(2 * np.pi * 440 * time) * np.exp(-4 * time)
    samples = np.concatenate([20_000 * tone, np.zeros(_PAD)]).astype("<i2").tobytes()
    count = len(programs)
    presets = b"".join(
        _name(f"program {bank} {preset}") + struct.pack("<HHHIII", preset, bank, number, 0, 0, 0)
        for number, (bank, preset) in enumerate(programs)
    )
    data = {
        "phdr": presets + _name("EOP") + struct.pack("<HHHIII", 0, 0, count, 0, 0, 0),
        "pbag": b"".join(struct.pack("<HH", number, 0) for number in range(count + 1)),
        "pmod": bytes(10),
        "pgen": struct.pack("<HH", 41, 0) * count + bytes(4),  # 41: the instrument
        "inst": _name("tone") + struct.pack("<H", 0) + _name("EOI") + struct.pack("<H", 1),
        "ibag": struct.pack("<HHHH", 0, 0, 1, 0),
        "imod": bytes(10),
        "igen": struct.pack("<HH", 53, 0) + bytes(4),  # 53: the sample
        "shdr": _name("tone") + struct.pack("<IIIIIBbHH", 0, _FRAMES, 0, _FRAMES, _RATE, _PITCH, 0, 0, 1)
        + _name("EOS") + bytes(26),
    }  # fmt: skip
    info = _chunk("ifil", struct.pack("<HH", 2, 4)) + _chunk("isng", b"EMU8000\0") + _chunk("INAM", b"test\0\0")
    body = b"sfbk" + _list("INFO", info) + _list("sdta", _chunk("smpl", samples))
    body += _list("pdta", b"".join(_chunk(name, content) for name, content in data.items()))
    path.write_bytes(_chunk("RIFF", body))
    return path


def _name(text: str) -> bytes:
    return text.encode().ljust(20, b"\0")


def _chunk(kind: str, content: bytes) -> bytes:
    return kind.encode() + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def _list(kind: str, content: bytes) -> bytes:
    return _chunk("LIST", kind.encode() + content)
