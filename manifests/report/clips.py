"""Clips to listen to: players and spectrograms of reference and degraded clip, all inside the page."""

from __future__ import annotations

import io
from base64 import b64encode
from html import escape
from pathlib import Path

import numpy as np
import numpy.typing as npt

from deepaq.audio import Audio, blocks, to_mono
from deepaq.errors import UserError
from manifests.dataset import Dataset
from manifests.report import page
from manifests.report.rows import Labelled

EXCERPT_S = 10.0  # longer clips are cut to bound page size and memory
LONGEST_S, LARGEST_VALUE = 1e6, 1e9  # points of a timeline
RANGE_DB = 90.0
FRAME, HOP = 1024, 512
SHOWN_HZ = 22_050.0
COLUMNS, ROWS = 360, 180  # largest spectrogram, about its size in pixels
MOST_BYTES = 4_000_000  # largest file that is embedded unchanged
# Formats that browsers play; everything else, and every excerpt, is embedded as FLAC.
PLAYABLE = {".opus": "audio/ogg", ".ogg": "audio/ogg", ".mp3": "audio/mpeg", ".m4a": "audio/mp4"}


def clip(dataset: Dataset, row: Labelled) -> str:
    """A degraded clip and its reference: rating, players, spectrograms and, if there is one, the timeline."""
    about = f"{row.value:.3f} · {row.track} · {row.condition}"
    if row.actual_kbps is not None:
        about += f" · {row.actual_kbps:.1f} kbps"
    about += "".join(f" · {name} {share:.1%}" for name, share in row.loudness.items())
    parts = []
    for name, relative in (("reference", row.reference_path), ("degraded", row.path)):
        try:
            path = dataset.path(relative)
            audio, whole = excerpt(path)
        except UserError as error:
            message = str(error).replace(str(dataset.root), dataset.root.resolve().name)
            parts.append(page.paragraph(f"{name}: {message}", "note"))
            continue
        parts.append(f"<figure>{spectrogram(audio, name)}{player(path, audio, whole, name)}</figure>")
    if row.timeline and _points(row):
        parts.append(page.figure(timeline(row), "value over time"))
    return f'<h3>{escape(about)}</h3>\n<div class="charts">{"".join(parts)}</div>'


def excerpt(path: Path) -> tuple[Audio, bool]:
    """The first 10.5 s of a file at most, and whether that is all of it; only that much is decoded."""
    parts: list[Audio] = []
    frames = 0
    for part in blocks(path):
        parts.append(part)
        frames += part.frames
        if frames > (EXCERPT_S + 0.5) * part.sample_rate:
            break
    samples = np.concatenate([part.samples[:, :2] for part in parts])
    audio = Audio(samples[: round((EXCERPT_S + 0.5) * parts[0].sample_rate)], parts[0].sample_rate)
    return audio, audio.frames == frames


def player(path: Path, audio: Audio, whole: bool, name: str) -> str:
    """An audio element with the sound embedded. audio: its beginning. whole: the file holds no more than that."""
    kind = PLAYABLE.get(path.suffix.lower())
    if kind and whole and path.stat().st_size <= MOST_BYTES:
        data = path.read_bytes()
    else:
        kind, data = "audio/flac", _flac(audio)
    source = f"data:{kind};base64,{b64encode(data).decode()}"
    return (
        f'<audio controls preload="metadata" aria-label="{escape(name)}" src="{source}"></audio>'
        f"<figcaption>{escape(name)}</figcaption>"
    )


def _flac(audio: Audio) -> bytes:
    import soundfile

    buffer = io.BytesIO()
    samples = np.clip(audio.samples[: round(EXCERPT_S * audio.sample_rate)], -1, 1)
    soundfile.write(buffer, samples, audio.sample_rate, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()


def spectrogram(audio: Audio, name: str) -> str:
    """A chart of the power over time and frequency, down to 90 dB below full scale."""
    from matplotlib.image import imsave

    samples = to_mono(audio.samples)[: round(EXCERPT_S * audio.sample_rate)]
    seconds = max(len(samples), 1) / audio.sample_rate
    levels = _levels(samples, round(SHOWN_HZ / audio.sample_rate * FRAME))
    buffer = io.BytesIO()
    imsave(buffer, levels, cmap="magma", vmin=-RANGE_DB, vmax=0, origin="lower", format="png")
    axes = page.Axes((0, seconds), (0, SHOWN_HZ / 1000), "s", "kHz", height=220)
    x, y, right, bottom = axes.x(0), axes.y(SHOWN_HZ / 1000), axes.x(seconds), axes.y(0)
    image = (
        f'<image x="{x}" y="{y}" width="{round(right - x, 1)}" height="{round(bottom - y, 1)}" '
        f'preserveAspectRatio="none" href="data:image/png;base64,{b64encode(buffer.getvalue()).decode()}"/>'
    )
    return axes.svg([image], f"spectrogram of the {name}")


def _levels(samples: npt.NDArray[np.float32], bins: int) -> npt.NDArray[np.float64]:
    """(bins, frames) in dB relative to a full-scale sine, both axes thinned by taking maxima.

    Bins above half the sample rate are silent.
    """
    padded = np.pad(samples, (0, max(0, FRAME - len(samples))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, FRAME)[::HOP]
    window = np.hanning(FRAME)
    magnitudes = np.abs(np.fft.rfft(frames * window, axis=1)).T * (2 / window.sum())
    magnitudes = np.pad(magnitudes, ((0, max(0, bins - len(magnitudes))), (0, 0)))[:bins]
    for axis, most in ((0, ROWS), (1, COLUMNS)):
        length = magnitudes.shape[axis]
        magnitudes = np.maximum.reduceat(magnitudes, np.arange(0, length, -(-length // most)), axis=axis)
    return 20 * np.log10(np.maximum(magnitudes, 1e-6))


def timeline(row: Labelled) -> str:
    """A chart of the ratings over time, each at the middle of its segment."""
    points = _points(row)
    values = [value for _, value in points]
    ends = (1.0, 5.0) if min(values) >= 1 and max(values) <= 5 else (min(values) - 1, max(values) + 1)
    axes = page.Axes((0, points[-1][0] + points[0][0] or 1.0), ends, "s", "value", height=220)
    line = " ".join(f"{axes.x(time)},{axes.y(value)}" for time, value in points)
    dots = [f'<circle class="mark s0" cx="{axes.x(time)}" cy="{axes.y(value)}" r="3"/>' for time, value in points]
    return axes.svg([f'<polyline class="line" points="{line}"/>', *dots], "value over time")


def _points(row: Labelled) -> list[tuple[float, float]]:
    """(seconds, rating) of the segments that have a rating; none when their times are unusable."""
    start, window, hop = (row.extras.get(f"timeline_{name}_s", 0.0) for name in ("start", "window", "hop"))
    first, hop = start + window / 2, hop or 1.0
    if not (0 <= first <= LONGEST_S and 0 < hop <= LONGEST_S):
        return []
    known = enumerate(row.timeline or ())
    return [(first + place * hop, v) for place, v in known if v is not None and abs(v) <= LARGEST_VALUE]
