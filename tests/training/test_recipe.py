"""Recipes: every one that comes along fits the code that reads it, and mistakes are named."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from deepaq.backbones.backbone import build
from deepaq.errors import UserError
from training import recipe


@pytest.mark.parametrize("name", recipe.names())
def test_every_recipe_fits_its_backbone(name: str) -> None:
    found = recipe.load(name)
    assert found.name == name
    options = dict(found.backbone)
    if options["name"] not in ("compact", "plain"):
        options |= {"init": "random", "config": TINY}
    network = build(options.pop("name"), **options)
    assert network.parameter_counts()["trainable"] > 0
    assert found.data.segment_s >= network.shortest_s


TINY = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32,
        "conv_dim": [16] * 7, "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 2}  # fmt: skip


def test_the_papers_recipe_says_what_the_paper_says() -> None:
    found = recipe.load("deepaq")
    assert found.backbone["name"] == "mert"
    assert (found.backbone["rank"], found.backbone["alpha"], found.backbone["lora_dropout"]) == (8, 16, 0.05)
    assert found.data.clips * found.data.versions == 32
    assert (found.optimiser.lr, found.optimiser.decay, found.optimiser.patience) == (1e-4, 0.99, 10)
    assert (found.optimiser.weight_decay, found.data.segment_s) == (0.01, 4.0)


ABLATIONS = {
    "deepaq-nmr": {"optimiser.lr": 5e-5, "evaluation.criterion": "unmatched"},
    "full-finetune": {"backbone.mode": "full"},
    "frozen-head": {"backbone.mode": "head"},
    "wav2vec2": {"backbone.name": "wav2vec2"},
    "hubert": {"backbone.name": "hubert"},
    "no-bitrate": {"full.bitrate": 0.0},
    "literal-bitrate": {"contrast.literal_bitrate": True},
    "literal": {"contrast.printed": True},
    "literal-all": {"contrast.printed": True, "contrast.scope": "all"},
    "shuffled": {"data.batch": "shuffled"},
    "within-clip": {"contrast.within_clip": True},
    "deepaq-ranks": {"full.mos": 0.0, "contrast.severities": True},
    "deepaq-consensus": {"data.raters.consensus": 1.0},
    "data-10": {"data.share": 0.10},
    "data-25": {"data.share": 0.25},
    "data-50": {"data.share": 0.50},
    "unseen-codec": {"data.without_codecs": ("aac",)},
}


def flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    parts = [
        flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
        for key, value in settings.items()
    ]
    return {key: value for part in parts for key, value in part.items()}


@pytest.mark.parametrize("name", ABLATIONS)
def test_an_ablation_changes_one_thing(name: str) -> None:
    base, found = flat(asdict(recipe.load("deepaq"))), flat(asdict(recipe.load(name)))
    changed = {key: value for key, value in found.items() if base.get(key) != value}
    assert changed == {"name": name, **ABLATIONS[name]}


def test_settings_are_found_again_in_json() -> None:
    for name in recipe.names():
        found = recipe.load(name)
        assert recipe.from_json(json.loads(json.dumps(asdict(found)))) == found


def test_overrides_are_typed_and_reach_every_level() -> None:
    found = recipe.load(
        "compact", ["max_steps=7", "optimiser.lr=1e-3", "backbone.width=8", "data.raters.visqol=2", "name=mine"]
    )
    assert (found.max_steps, found.optimiser.lr, found.backbone["width"], found.name) == (7, 1e-3, 8, "mine")
    assert found.data.raters == {"visqol": 2}


@pytest.mark.parametrize(
    ("override", "reason"),
    [
        ("max_step=1", "did you mean max_steps"),
        ("optimiser.lr=fast", "not of type float"),
        ("optimiser=3", "is a section"),
        ("max_steps", "write key=value"),
        ("optimiser.schedule=weekly", "plateau, cosine or constant"),
        ("run.precision=half", "float32, bfloat16 or auto"),
        ("run.keep=all", "last or best"),
        ("run.mapping=line", "auto, cubic, mlp or exponential"),
        ("evaluation.criterion=loss", "full, unmatched or both"),
        ("data.share=0", "more than 0 and at most 1"),
        ("data.fold=4/3", "data.fold=4/3: i/n, such as 1/3"),
        ("data.fold=half", "data.fold=half: i/n, such as 1/3"),
        ("data.versions=1", "at least 2"),
        ("data.without_codecs=opus", "not a list of words"),
        ("contrast.tau=0", "more than 0"),
        ("optimiser.lr=-1.0", "more than 0"),
        ("max_steps=0", "at least 1"),
    ],
)
def test_mistakes_are_named(override: str, reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        recipe.load("compact", [override])


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text("max_steps = 3\n[backbone]\nname = 'plain'\n")
    assert recipe.load(str(path)).max_steps == 3
    path.write_text("max_steps = \n")
    with pytest.raises(UserError, match="not valid TOML"):
        recipe.load(str(path))
    with pytest.raises(UserError, match="no such file"):
        recipe.load(str(tmp_path / "absent.toml"))
    with pytest.raises(UserError, match=r"known are .*compact"):
        recipe.load("nobody")


@pytest.mark.parametrize(
    "override",
    ["optimiser.gradient_clip=0", "run.stop_after=-1", "optimiser.weight_decay=-1", "full.regression=nan",
     "epoch_steps=-3", "evaluation.references=0", "seed=-1", "data.rows=0", "run.device=gpu", "optimiser.lr=inf",
     "data.raters.visqol=yes", "data.raters={visqol=true}", "data.splits=[]", "full={mos=0, bitrate=0}"],
)  # fmt: skip
def test_settings_that_mean_nothing_are_refused(override: str) -> None:
    with pytest.raises(UserError, match="recipe: "):
        recipe.load("compact", [override])


def test_raters_are_one_choice_whatever_the_base(tmp_path: Path) -> None:
    for name in ("compact", "data-10", "no-bitrate"):
        assert recipe.load(name, ["data.raters.2f=1"]).data.raters == {"2f": 1}
    (tmp_path / "parent.toml").write_text('base = "compact"\n[data.raters]\npeaq = 1.0\n')
    (tmp_path / "child.toml").write_text('base = "parent.toml"\n[data.raters]\nvisqol = 0.5\n')
    assert recipe.load(str(tmp_path / "child.toml")).data.raters == {"visqol": 0.5}
    (tmp_path / "parent.toml").write_text('base = "child.toml"\n')
    with pytest.raises(UserError, match=r"child.toml: is its own base"):
        recipe.load(str(tmp_path / "child.toml"))
    (tmp_path / "child.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match=r"child.toml: is not valid TOML"):
        recipe.load(str(tmp_path / "child.toml"))
