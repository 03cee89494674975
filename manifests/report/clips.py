"""Clips to hear and see: players of reference and degraded version, and their spectrograms, all inside the page."""

from __future__ import annotations

import io
from base64 import b64encode
from html import escape
from pathlib import Path

import numpy as np
import numpy.typing as npt

from deepaq.audio import Audio, read, to_mono
from deepaq.errors import UserError
from manifests.dataset import Dataset
from manifests.report import page
from manifests.report.rows import Labelled

EXCERPT_S = 10.0  # of longer clips, so that the page stays small
RANGE_DB = 90.0
FRAME, HOP = 1024, 512
SHOWN_HZ = 22_050.0
COLUMNS, ROWS = 360, 180  # of a spectrogram at most: about the pixels that it is shown with
# What browsers play as it is; everything else, and every excerpt, is put in as FLAC.
PLAYABLE = {".opus": "audio/ogg", ".ogg": "audio/ogg", ".mp3": "audio/mpeg", ".m4a": "audio/mp4"}


def clip(dataset: Dataset, row: Labelled) -> str:
    """A version and its reference: value, players, spectrograms and, where there is one, its timeline."""
    about = f"{row.value:.3f} · {row.track} · {row.condition}"
    if row.actual_kbps is not None:
        about += f" · {row.actual_kbps:.1f} kbps"
    parts = []
    for name, relative in (("reference", row.reference_path), ("degraded", row.path)):
        try:
            path = dataset.path(relative)
            audio = read(path)
        except UserError as error:
            parts.append(page.paragraph(f"{name}: {error}", "note"))
            continue
        parts.append(f"<figure>{spectrogram(audio, name)}{player(path, audio, name)}</figure>")
    if row.timeline and any(value is not None for value in row.timeline):
        parts.append(page.figure(timeline(row), "value over time"))
    return f'<h3>{escape(about)}</h3>\n<div class="charts">{"".join(parts)}</div>'


def player(path: Path, audio: Audio, name: str) -> str:
    """An audio element with the sound inside."""
    kind = PLAYABLE.get(path.suffix.lower())
    if kind and audio.seconds <= EXCERPT_S + 0.5:
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
    excerpt = np.clip(audio.samples[: round(EXCERPT_S * audio.sample_rate), :2], -1, 1)
    soundfile.write(buffer, excerpt, audio.sample_rate, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()


def spectrogram(audio: Audio, name: str) -> str:
    """A chart of the power over time and frequency, 90 dB deep below full scale."""
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
    """(bins, frames), both thinned by taking maxima: dB relative to a full-scale sine, silence above half the sample
    rate."""
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
    """A chart of the values over time, each at the middle of its stretch."""
    known = [(place, value) for place, value in enumerate(row.timeline or ()) if value is not None]
    first = row.extras.get("timeline_start_s", 0.0) + row.extras.get("timeline_window_s", 0.0) / 2
    points = [(first + place * row.extras.get("timeline_hop_s", 1.0), value) for place, value in known]
    values = [value for _, value in points]
    ends = (1.0, 5.0) if min(values) >= 1 and max(values) <= 5 else (min(values) - 1, max(values) + 1)
    axes = page.Axes((0, points[-1][0] + first), ends, "s", "value", height=220)
    line = " ".join(f"{axes.x(time)},{axes.y(value)}" for time, value in points)
    dots = [f'<circle class="mark s0" cx="{axes.x(time)}" cy="{axes.y(value)}" r="3"/>' for time, value in points]
    return axes.svg([f'<polyline class="line" points="{line}"/>', *dots], "value over time")
