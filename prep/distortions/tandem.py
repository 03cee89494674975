"""Tandem coding: three codecs one after another, as between studio and listener."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from deepaq.audio import Samples, fit, read, resample, to_stereo
from deepaq.errors import UserError
from manifests.storage import require_space
from prep.coding.codecs import CODECS
from prep.coding.encode import encode
from prep.coding.lossless import file_bytes
from prep.distortions.distortion import Distortion, Parameters, by_severity

CHAIN = ("aac", "mp3", "opus")


def _tandem(samples: Samples, sample_rate: int, parameters: Parameters, rng: np.random.Generator) -> np.ndarray:
    """Code and decode with AAC, mp3 and Opus one after another, each at `kbps`; the codecs work in stereo."""
    coded = to_stereo(samples)
    with tempfile.TemporaryDirectory() as folder:
        for name in CHAIN:
            clip = Path(folder) / f"before-{name}.wav"
            content = file_bytes(coded, sample_rate)
            clip.write_bytes(content)
            coding = CODECS.built_in(name).condition(int(parameters["kbps"]))
            made = encode(clip, [coding], Path(folder), len(coded) / sample_rate)[coding]
            if isinstance(made, str):
                require_space(Path(folder), len(content))  # a full disk is not the clip's fault
                raise UserError(f"tandem: {made}")
            audio = read(made.path)
            coded = fit(resample(audio.samples, audio.sample_rate, sample_rate), len(samples))
    return coded if samples.shape[1] == 2 else np.repeat(coded.mean(axis=1, keepdims=True), samples.shape[1], axis=1)


TANDEM = Distortion("tandem", _tandem, by_severity(kbps=(128, 96, 80, 64, 48)), codecs=True)
