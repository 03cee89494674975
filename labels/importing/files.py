"""Storing a test's audio in the data set: PCM as FLAC, anything else unchanged."""

from __future__ import annotations

import io
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deepaq.audio import Audio, read
from deepaq.errors import UserError
from deepaq.files import committed, file_sha256
from manifests.dataset import Dataset

_PCM = {".wav", ".wave", ".aif", ".aiff", ".aifc"}
_FLAC = {"PCM_S8", "PCM_16", "PCM_24"}  # subtypes that FLAC stores losslessly


class ConflictError(UserError):
    """The data set holds something else under the same name; continuing would mix two tests."""


@dataclass(frozen=True)
class Kept:
    """A stored file: its path relative to the data set, checksum and size."""

    path: str
    sha256: str
    bytes: int


def keep(dataset: Dataset, source: Path, audio: Audio, stem: str) -> Kept:
    """Store `source`, whose decoded content is `audio`, as `stem` with a suffix, below the data set.

    A stored file with the same samples is kept; with others, ConflictError is raised. A new file is decoded and
    compared with its source before it gets its name.
    """
    import soundfile

    subtype = soundfile.info(source).subtype if source.suffix.lower() in _PCM else None
    encode = subtype in _FLAC and audio.channels <= 8
    relative = stem + (".flac" if encode else source.suffix.lower())
    target = dataset.path(relative)
    if target.exists():
        if not _same(read(target), audio):
            raise ConflictError(f"{source}: differs from what was imported before; import into a new folder")
    else:
        with committed(target) as partial:
            if encode:
                samples, rate = soundfile.read(source, dtype="int32", always_2d=True)
                content = io.BytesIO()
                soundfile.write(content, samples, rate, format="FLAC", subtype=subtype)
                content.seek(0)
                decoded, _ = soundfile.read(content, dtype="int32", always_2d=True)
                if not np.array_equal(decoded, samples):
                    raise UserError(f"{source}: could not be stored as FLAC without change")
                partial.write_bytes(content.getbuffer())  # Python names a full disk, libsndfile does not
            else:
                shutil.copyfile(source, partial)
    return Kept(relative, file_sha256(target), target.stat().st_size)


def _same(one: Audio, other: Audio) -> bool:
    return one.sample_rate == other.sample_rate and np.array_equal(one.samples, other.samples)
