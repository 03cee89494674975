"""A picture of an explanation: time by band, coloured by the kind of damage."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from deepaq import extras
from deepaq.errors import UserError
from deepaq.explanation.explanation import COLUMN_S, Explanation
from deepaq.explanation.kinds import KINDS
from deepaq.explanation.words import NAMES, percent
from deepaq.files import check_writable, committed, printable

_COLOURS = ("#2166ac", "#b2182b", "#e08214", "#542788", "#1b7837", "#c51b7d", "#777777")  # in the order of KINDS
_HZ = (100, 200, 500, 1000, 2000, 5000, 10_000)
_FULL = 99.5  # percentile of the cells with a difference that has the full colour


def check(path: Path) -> None:
    """Raise UserError unless a PNG file can be written to `path`."""
    if path.suffix.lower() != ".png":
        raise UserError(f"--plot {path}: end the name in .png")
    check_writable(path, "--plot")
    with extras.required(f"--plot {path}"):
        import matplotlib  # noqa: F401


def write(path: Path, found: Explanation, title: str) -> None:
    """Write the picture as PNG. title: usually the name of the degraded file."""
    with committed(path) as partial, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        draw(found, title).savefig(partial, dpi=120, format="png")


def draw(found: Explanation, title: str) -> Any:
    """Draw a matplotlib figure: the cells, and beside them the shares over time and over the bands."""
    with extras.required("deepaq.explanation.picture"):
        from matplotlib.colors import to_rgb
        from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 5.6), layout="constrained")
    grid = figure.add_gridspec(2, 2, width_ratios=(6, 1), height_ratios=(1, 3))
    axis = figure.add_subplot(grid[1, 0])
    over_time = figure.add_subplot(grid[0, 0], sharex=axis)
    over_bands = figure.add_subplot(grid[1, 1], sharey=axis)
    colours = np.array([to_rgb(colour) for colour in _COLOURS])
    bands, edges = len(found.band_hz), np.append(found.time_s, found.time_s[-1] + COLUMN_S)
    axis.imshow(
        _image(found, colours), aspect="auto", origin="lower", extent=(0, edges[-1], 0, bands), interpolation="nearest"
    )
    places = np.interp(_HZ, found.band_hz, np.arange(bands) + 0.5)
    axis.set_yticks(places, [f"{hz / 1000:g}" for hz in _HZ])
    axis.set(xlabel="time in the degraded file (s)", ylabel="kHz (ERB bands)")
    base_time, base_bands = np.zeros(len(found.time_s)), np.zeros(bands)
    for kind, colour, cells in zip(KINDS, _COLOURS, 100 * found.cells, strict=True):
        label = f"{NAMES[kind]}, {percent(found.kinds[kind])}"
        top_time, top_bands = base_time + cells.sum(axis=1), base_bands + cells.sum(axis=0)
        over_time.stairs(top_time, edges, baseline=base_time, fill=True, color=colour, label=label)
        over_bands.stairs(
            top_bands, np.arange(bands + 1), baseline=base_bands, fill=True, color=colour, orientation="horizontal"
        )
        base_time, base_bands = top_time, top_bands
    over_time.set_ylabel("% per .2 s")
    over_bands.set_xlabel("% per band")
    for side in (over_time, over_bands):
        side.tick_params(labelbottom=side is over_bands, labelleft=side is over_time)
    mos = "" if found.score.mos is None else f", MOS {found.score.mos:.2f}"
    over_time.set_title(f"{printable(title)}{mos}, distance {found.score.distance:.2f}", parse_math=False)
    figure.legend(*over_time.get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize="small")
    return figure


def _image(found: Explanation, colours: Any) -> Any:
    """(bands, columns, 3): each cell in the mean colour of its kinds, paler where there is less difference."""
    total = found.cells.sum(axis=0)
    if not total.any():
        return np.ones((*total.T.shape, 3))
    hue = np.einsum("kcb,kr->bcr", found.cells, colours) / np.maximum(total, 1e-30).T[..., None]
    strength = np.clip(np.sqrt(total / np.percentile(total[total > 0], _FULL)), 0, 1).T[..., None]
    return 1 - strength * (1 - hue)
