"""The model card of a run, in Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deepaq import __version__
from deepaq.backbones.backbone import Backbone
from deepaq.files import write_text
from training.results.folder import CARD, CHECKSUMS
from training.settings import Recipe


def write(out: Path, network: Backbone, result: Mapping[str, Any], recipe: Recipe) -> None:
    """Write the model card into `out`. result: as `training.fit.fit` returns it."""
    counts = network.parameter_counts()
    raters = ", ".join(f"{name} (weight {weight:g})" for name, weight in recipe.data.raters.items())
    lines = [
        "---",
        f"license: {network.licence.lower()}",
        "tags: [audio-quality, codec, perceptual-metric]",
        "---",
        f"# {recipe.name}: a perceptual audio quality metric",
        "",
        f"Trained with deepaq {__version__}, recipe `{recipe.name}`, {result['steps']} steps, seed {recipe.seed}.",
        f"Network: {network.name}, {counts['total']:,} parameters, {counts['trainable']:,} of them trained.",
        f"Labels: {raters}. What the network has never met, other kinds of distortion above all, it may misjudge.",
        "",
        "```python",
        "import deepaq",
        "",
        'metric = deepaq.load("this folder")',
        'print(metric.score("reference.wav", "degraded.wav").mos)',
        "```",
        "",
        "## Held-out clips",
        "",
        "SRCC with the labels (PCC after an exponential curve fitted to the other half of the clips):",
        "",
        *_table(result["validation"]),
        "",
        "## Licence",
        "",
        *network.notice().splitlines(),
        "",
        f"`{CHECKSUMS}` lists the checksum of every file.",
    ]
    write_text(out / CARD, "\n".join(lines) + "\n")


def _table(validation: Mapping[str, Any]) -> list[str]:
    columns = [(mode, group) for mode in ("full", "unmatched") for group in ("all", "codecs")]
    names = {"full": "full reference", "unmatched": "non-matching"}
    lines = ["| | " + " | ".join(f"{names[mode]}, {group}" for mode, group in columns) + " |", "|---" * 5 + "|"]
    for system, found in validation.items():
        cells = [
            " (".join(_number(found[mode][group][key]) for key in ("srcc", "pcc")) + ")" for mode, group in columns
        ]
        lines.append(f"| {system} | " + " | ".join(cells) + " |")
    return lines


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
