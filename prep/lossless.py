"""Samples to a lossless file, in the smallest form that holds them."""

from __future__ import annotations

import io

import numpy as np
import soundfile

from deepaq.audio import Samples


def packed(samples: Samples, sample_rate: int) -> tuple[str, bytes]:
    """(suffix, file content) of (frames, channels) samples.

    FLAC with 16 bits when those hold the samples exactly, else 24; float WAV for samples above full scale, which
    FLAC would clip.
    """
    above = np.abs(samples).max() > 1
    exact16 = not above and np.array_equal(samples * 32768, np.rint(samples * 32768)) and samples.max() < 1
    suffix, kind, subtype = (".wav", "WAV", "FLOAT") if above else (".flac", "FLAC", "PCM_16" if exact16 else "PCM_24")
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, sample_rate, format=kind, subtype=subtype)
    return suffix, buffer.getvalue()
