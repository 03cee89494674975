"""Lossless files in the smallest format that holds the samples exactly."""

from __future__ import annotations

import io

import numpy as np
import soundfile

from deepaq.audio import Samples

SUFFIXES = (".flac", ".wav")  # for packed samples


def packed(samples: Samples, sample_rate: int) -> tuple[str, bytes]:
    """Pack (frames, channels) samples; returns suffix and file content.

    FLAC with 16 bits if those hold the samples exactly, else with 24; float WAV for samples above full scale, which
    FLAC would clip.
    """
    above = np.abs(samples).max() > 1
    exact16 = not above and np.array_equal(samples * 32768, np.rint(samples * 32768)) and samples.max() < 1
    suffix, kind, subtype = (".wav", "WAV", "FLOAT") if above else (".flac", "FLAC", "PCM_16" if exact16 else "PCM_24")
    return suffix, file_bytes(samples, sample_rate, kind, subtype)


def file_bytes(samples: Samples, sample_rate: int, kind: str = "WAV", subtype: str = "FLOAT") -> bytes:
    """Return the content of an audio file. Python writes it, which reports a full disk."""
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, sample_rate, format=kind, subtype=subtype)
    return buffer.getvalue()
