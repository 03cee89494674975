"""A run folder for others: a model card in Markdown and a list of checksums."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deepaq import __version__
from deepaq.backbones.backbone import Backbone
from deepaq.files import file_sha256
from deepaq.scoring import checkpoint
from training.loop import log
from training.settings import Recipe

CARD, CHECKSUMS = "README.md", "SHA256SUMS"
# What of a run is for others, the metric itself first.
FILES = (
    *(checkpoint.FILE, CHECKSUMS, CARD, "NOTICE"),
    *("model.safetensors", "adapter_model.safetensors", "adapter_config.json"),
    *("settings.json", "metrics.json", "before.json", log.STEPS, log.EPOCHS),
    *("labels.png", "predicted.png", "curves.png"),
)
PRIVATE = ("state", "best", "tensorboard")  # folders of a run that are not


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
    (out / CARD).write_text("\n".join(lines) + "\n")


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


def files(out: Path) -> list[Path]:
    """What of a run is for others, sorted; relative to `out`. What else lies there is its owner's."""
    return sorted(Path(name) for name in FILES if (out / name).is_file())


def write_checksums(out: Path) -> None:
    """List every shared file of `out` with its SHA-256, as `sha256sum --check` reads it."""
    lines = [f"{file_sha256(out / path)}  {path.as_posix()}\n" for path in files(out) if path.name != CHECKSUMS]
    (out / CHECKSUMS).write_text("".join(lines))
