"""Samples to a lossless file, in the smallest form that holds them."""

from __future__ import annotations

import io

import numpy as np
import soundfile

from deepaq.audio import Samples

SUFFIXES = (".flac", ".wav")  # of what is packed


def packed(samples: Samples, sample_rate: int) -> tuple[str, bytes]:
    """(suffix, file content) of (frames, channels) samples.

    FLAC with 16 bits when those hold the samples exactly, else 24; float WAV for samples above full scale, which
    FLAC would clip.
    """
    above = np.abs(samples).max() > 1
    exact16 = not above and np.array_equal(samples * 32768, np.rint(samples * 32768)) and samples.max() < 1
    suffix, kind, subtype = (".wav", "WAV", "FLOAT") if above else (".flac", "FLAC", "PCM_16" if exact16 else "PCM_24")
    return suffix, file_bytes(samples, sample_rate, kind, subtype)


def file_bytes(samples: Samples, sample_rate: int, kind: str = "WAV", subtype: str = "FLOAT") -> bytes:
    """The content of such a file, to be written by Python, which says when a disk is full."""
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, sample_rate, format=kind, subtype=subtype)
    return buffer.getvalue()
