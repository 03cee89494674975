"""Description of a model for `deepaq info`, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from deepaq import __version__
from deepaq.batch.gate import top
from deepaq.scoring.metric import PACKAGED, Metric


def facts(metric: Metric, model: Path | None) -> dict[str, Any]:
    """All facts about a metric, for programs. model: its name as given, None for the packaged one."""
    curves = {"full reference": metric.model.full, "non-matching references": metric.clips.model.unmatched}
    return {
        "version": __version__,
        "model": str(model or PACKAGED),
        "fingerprint": metric.fingerprint[:16],
        "backbone": metric.backbone.name,
        "parameters": metric.backbone.parameter_counts(),
        "sample_rate": metric.rate,
        "segment_s": metric.backbone.segment_s,
        "mos_top": {"full reference": top(metric, False), "non-matching references": top(metric, True)},
        "mapping": {mode: curve and curve.to_json() for mode, curve in curves.items()},
        "info": metric.model.info,
    }


def lines(found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Format the facts for people; yields (name, text) of each line."""
    yield "deepaq", found["version"]
    yield "model", f"{found['model']}, fingerprint {found['fingerprint']}"
    parameters = found["parameters"]["total"]
    yield "network", f"{found['backbone']}, " + (f"{parameters:,} parameters" if parameters else "nothing trained")
    yield "input", f"{found['sample_rate']} Hz, in segments of {found['segment_s']:g} s"
    for mode, highest in found["mos_top"].items():
        yield "MOS", f"{mode}: " + ("distances only" if highest is None else f"1 to {highest:.2f}")
    yield from _training(found["info"])


def _training(info: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Format what a run states about its training, which may hold anything."""
    recipe, data = _part(info, "recipe"), _part(info, "data")
    if recipe:
        settings = _part(recipe, "data")
        raters = ", ".join([*_part(settings, "raters"), *_part(settings, "teachers")])
        yield "trained", f"recipe {recipe.get('name', '-')}, {info.get('steps', '-')} steps; labels of {raters or '-'}"
    if data:
        hours = data.get("clean_hours")
        size = f", {hours:.2f} h clean" if _is_number(hours) else ""
        yield "data", f"{data.get('clips', '-')} clips, {data.get('rows', '-')} rows{size}"
    validation = _part(info, "validation")
    for mode in validation:
        figures = _part(_part(validation, mode), "all")
        if all(_is_number(figures.get(name)) for name in ("srcc", "pcc", "n")):
            text = (
                f"SRCC {figures['srcc']:.3f}, PCC {figures['pcc']:.3f} with the labels of {figures['n']} held-out rows"
            )
            yield "validation", f"{mode}: {text}"
    if tools := _part(_part(info, "provenance"), "tools"):
        yield "made with", ", ".join(f"{name} {version}" for name, version in tools.items())


def _part(content: dict[str, Any], key: str) -> dict[str, Any]:
    """The section of that name; an empty one if there is none or it is something else."""
    found = content.get(key)
    return found if isinstance(found, dict) else {}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
