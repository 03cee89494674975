"""A comparison as one HTML page: sorted changes, quality over time, and the worst moments to see and hear."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from deepaq.audio import Samples, read, resample, to_mono, to_stereo
from deepaq.audio.align import align
from deepaq.comparison.comparison import Comparison
from deepaq.comparison.report import rows, sentence
from deepaq.comparison.side import Side
from deepaq.core.filterbank import SAMPLE_RATE
from deepaq.core.spectrum import STEPS_PER_S, powers
from deepaq.core.tracks import decibels
from deepaq.errors import UserError
from deepaq.files import committed, write_text

_MOMENTS = 3  # files whose worst moment is shown
_AROUND_S = 1.0
_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}
table{border-collapse:collapse}td,th{padding:.15rem .8rem .15rem 0;text-align:left;vertical-align:top}
.wide{overflow-x:auto}img{max-width:100%}figure{margin:1rem 0}figcaption{color:#555;font-size:.9rem}
audio{width:16rem}.bad{color:#a00}
"""


def write(
    path: Path,
    originals: Mapping[str, Path],
    sides: Sequence[Side],
    comparisons: Sequence[Comparison],
    failures: Sequence[str],
) -> None:
    """Write the page of comparisons with the first of `sides`. Players hold short excerpts, so the page is one file."""
    parts = ["<h1>Comparison of codecs</h1>"]
    parts += [f'<p class="bad">{escape(line)}</p>' for line in failures]
    for side, found in zip(sides[1:], comparisons, strict=True):
        parts += _section(originals, sides[0], side, found)
    body = "\n".join(parts)
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
    page = f'<!doctype html><html lang="en"><head>{head}<title>Comparison</title><style>{_STYLE}</style></head>'
    with committed(path) as partial:
        write_text(partial, f"{page}<body>{body}</body></html>\n")


def _section(originals: Mapping[str, Path], a: Side, b: Side, found: Comparison) -> Iterator[str]:
    yield f"<h2>{escape(sentence(found))}</h2>"
    cells = "".join(f"<tr><th>{escape(name)}</th><td>{escape(figure)}</td></tr>" for name, figure in rows(found))
    yield f'<div class="wide"><table>{cells}</table></div>'
    yield _figure(
        _changes(found), f"Change of MOS from {found.a} to {found.b}, one bar per file, {len(found.changes)} files"
    )
    yield "<h3>Worst moments</h3>"
    for name in sorted(found.changes, key=found.changes.__getitem__)[:_MOMENTS]:
        yield from _moment(name, originals[name], a, b, found.changes[name])


def _moment(name: str, original: Path, a: Side, b: Side, change: float) -> Iterator[str]:
    yield f"<h4>{escape(name)}, {change:+.3f} MOS</h4>"
    yield _figure(_over_time(name, a, b), f"MOS over time, {len(b.scores[name].windows)} windows of about a second")
    if name not in a.files:
        yield "<p>The baseline contains scores, not audio, so it cannot be played.</p>"
    at = min(b.scores[name].windows, key=lambda window: window.mos).start_s
    try:
        clean, heard = _excerpts(original, [side.files[name] for side in (a, b) if name in side.files], at)
    except UserError as error:
        yield f"<p>{escape(str(error))}</p>"
        return
    labels = ["original", *(side.name for side in (a, b) if name in side.files)]
    players = "".join(
        f'<tr><th>{escape(label)}</th><td><audio controls loop src="{_wav(samples)}"></audio></td></tr>'
        for label, samples in zip(labels, [clean, *heard], strict=True)
    )
    yield f"<p>From {max(at - _AROUND_S, 0):.1f} s, looped:</p><table>{players}</table>"
    yield _figure(
        _spectra(clean, heard, labels[1:]),
        "Level in 64 ERB bands relative to the original: red is added, blue is missing",
    )


def _excerpts(original: Path, degraded: Sequence[Path], at: float) -> tuple[Samples, list[Samples]]:
    """The time around a moment of the original, and the same of the aligned degraded files; stereo at 48 kHz."""
    clean = _stereo(original)
    span = slice(round(max(at - _AROUND_S, 0) * SAMPLE_RATE), round((at + 2 * _AROUND_S) * SAMPLE_RATE))
    found = []
    for path in degraded:
        pair = align(clean, _stereo(path), SAMPLE_RATE)
        begin = max(-pair.lag, 0)
        found.append(pair.degraded[max(span.start - begin, 0) : max(span.stop - begin, 0)])
    return clean[span], found


def _stereo(path: Path) -> Samples:
    audio = read(path)
    return resample(np.ascontiguousarray(to_stereo(audio.samples)), audio.sample_rate, SAMPLE_RATE)


def _wav(samples: Samples) -> str:
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, np.clip(samples, -1, 1), SAMPLE_RATE, format="WAV", subtype="PCM_16")
    return "data:audio/wav;base64," + base64.b64encode(file.getvalue()).decode()


def _changes(found: Comparison) -> Any:
    figure, axis = _axes(3.2)
    values = sorted(found.changes.values())
    axis.bar(range(len(values)), values, width=0.8, color=["#b2182b" if value < 0 else "#2166ac" for value in values])
    axis.axhline(0, color="#222", linewidth=0.8)
    if found.low is not None:
        axis.axhspan(found.low, found.high, color="#888", alpha=0.25, label="mean, 95 % interval")
        axis.legend(loc="upper left", fontsize="small")
    axis.set(xlabel="files, sorted", ylabel="change of MOS", xticks=[])
    return figure


def _over_time(name: str, a: Side, b: Side) -> Any:
    figure, axis = _axes(2.6)
    for side, colour in ((a, "#888888"), (b, "#b2182b")):
        windows = side.scores[name].windows
        edges = [window.start_s for window in windows] + [windows[-1].start_s + windows[-1].seconds]
        axis.stairs([window.mos for window in windows], edges, baseline=None, color=colour, label=f" {side.name}")
    axis.set(xlabel="time in the original (s)", ylabel="MOS", ylim=(1, 5))
    for words in axis.legend(loc="lower left", fontsize="small").get_texts():
        words.set_parse_math(False)
    return figure


def _spectra(clean: Samples, heard: Sequence[Samples], names: Sequence[str]) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 2.6), layout="constrained")
    image = None
    for place, (samples, name) in enumerate(zip(heard, names, strict=True), 1):
        frames = min(len(samples), len(clean))
        ours, theirs = (decibels(powers(np.ascontiguousarray(to_mono(x[:frames]))).mid) for x in (clean, samples))
        axis = figure.add_subplot(1, len(heard), place)
        extent = (0, len(ours) / STEPS_PER_S, 0, ours.shape[1])
        image = axis.imshow(
            (theirs - ours).T, aspect="auto", origin="lower", cmap="RdBu_r", vmin=-20, vmax=20, extent=extent
        )
        axis.set_title(f" {name}", fontsize="medium", parse_math=False)
        axis.set(xlabel="s", ylabel="ERB band, 50 Hz to 20 kHz")
    if image is not None:
        figure.colorbar(image, ax=figure.axes, label="dB")
    return figure


def _axes(height: float) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, height), layout="constrained")
    axis = figure.subplots()
    axis.grid(alpha=0.3)
    return figure, axis


def _figure(drawn: Any, caption: str) -> str:
    file = io.BytesIO()
    drawn.savefig(file, dpi=110, format="png")
    image = base64.b64encode(file.getvalue()).decode()
    source = f"data:image/png;base64,{image}"
    words = escape(caption)
    return f'<figure><img alt="{words}" src="{source}"><figcaption>{words}</figcaption></figure>'
