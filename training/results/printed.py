"""Results of `training fit` in words: for people, what they rest on, and whether training was worth it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from training.loop.plan import Plan

FEWEST_TRACKS = 5
TITLES = {"full": "full reference", "unmatched": "non-matching references"}


def remarks(validation: Mapping[str, Any]) -> list[str]:
    """Return sentences on the figures in `validation`, system -> mode -> group -> figure."""
    found = []
    trained = validation["trained"]
    tracks = trained["full"]["all"].get("tracks")
    if tracks is not None and tracks < FEWEST_TRACKS:
        found.append(
            f"warning: only {tracks} {'track is' if tracks == 1 else 'tracks are'} held out; figures of fewer than"
            f" {FEWEST_TRACKS} tracks say little about other music; add tracks, or choose more with -o data.fold=1/3"
        )
    for mode, title in TITLES.items():
        own = trained[mode]["all"]["srcc"]
        others = {name: figures[mode]["all"]["srcc"] for name, figures in validation.items() if name != "trained"}
        known = {name: value for name, value in others.items() if value is not None}
        if own is None or not known:
            continue
        best = max(known, key=lambda name: known[name])
        if known[best] > own:
            what = "the untrained network" if best == "untrained" else f"the plain distance {best}"
            found.append(f"{title}: {what} beats the trained network (SRCC {known[best]:.3f} against {own:.3f})")
    return found


def basis(figure: Mapping[str, Any]) -> str:
    """Return what a figure rests on, such as `84 degraded files of 4 clips from 2 tracks`."""
    if "clips" not in figure:
        return f"{figure['n']} degraded files"
    parts = [
        f"{figure[key]} {name}{'s' if figure[key] != 1 else ''}"
        for key, name in (("n", "degraded file"), ("clips", "clip"), ("tracks", "track"))
    ]
    return f"{parts[0]} of {parts[1]} from {parts[2]}"


def spread(figure: Mapping[str, Any]) -> str:
    """Return the 95 % interval of a figure's SRCC, or why there is none."""
    found = figure.get("srcc_interval")
    if found:
        return f"[{found[0]:.3f}, {found[1]:.3f}]"
    return f"none, fewer than {FEWEST_TRACKS} tracks" if figure.get("tracks", 0) < FEWEST_TRACKS else "none"


def print_plan(plan: Mapping[str, Any]) -> None:
    """Print what a dry run found."""
    for line in Plan.from_json(plan).lines():
        click.echo(line)


def print_validation(result: Mapping[str, Any]) -> None:
    """Print SRCC and PCC of every system per mode and codec, what they rest on, and remarks."""
    validation = result["validation"]
    for mode, title in TITLES.items():
        groups = list(validation["trained"][mode])
        every = validation["trained"][mode]["all"]
        click.echo(f"\n{title}: SRCC / PCC with the labels of {basis(every)}, held out")
        click.echo(f"{'':<12}" + "".join(f"{group:>16}" for group in groups))
        for system, found in validation.items():
            cells = [
                f"{_number(found[mode][group]['srcc'])} / {_number(found[mode][group]['pcc'])}" for group in groups
            ]
            click.echo(f"{system:<12}" + "".join(f"{cell:>16}" for cell in cells))
        click.echo(f"95 % interval of the trained network's SRCC over tracks: {spread(every)}")
    if result.get("remarks"):
        click.echo()
    for remark in result.get("remarks", ()):
        click.echo(remark)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
