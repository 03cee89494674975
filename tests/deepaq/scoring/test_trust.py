"""A model's folder may come from anybody: altered, linked, oversized and impossible ones are refused in one line."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

import deepaq
from deepaq.errors import UserError
from deepaq.scoring import checkpoint, checksums
from deepaq.scoring.metric import NAMED
from tests.deepaq.backbones.shrunken import TINY
from tests.deepaq.scoring.test_metric import metric
from training.results.export import export
from training.results.folder import write_checksums

COMPACT = NAMED["compact-2026a"]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A finished run with its checksums."""
    checkpoint.save(tmp_path / "run", metric().model)
    write_checksums(tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture
def unlisted(run: Path) -> Path:
    """The same without checksums, as an unknown author may send it."""
    (run / checksums.FILE).unlink()
    return run


def change(folder: Path, **fields: Any) -> None:
    path = folder / "model.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def test_a_run_with_its_checksums_loads_and_an_altered_byte_does_not(run: Path) -> None:
    deepaq.load(run)
    for name in ("model.safetensors", "model.json"):
        whole = (run / name).read_bytes()
        (run / name).write_bytes(whole[:-2] + bytes([whole[-2] ^ 1]) + whole[-1:])
        with pytest.raises(UserError, match=f"{name}: differs from its checksum in SHA256SUMS"):
            deepaq.load(run)
        (run / name).write_bytes(whole)
    deepaq.load(run)


def test_links_and_files_that_are_not_listed_are_refused(run: Path, tmp_path: Path) -> None:
    (run / "notes.txt").write_text("mine")
    (run / "state").mkdir()
    deepaq.load(run)
    extra = run / "adapter_config.json"
    extra.write_text("{}")
    with pytest.raises(UserError, match=r"adapter_config\.json: is not listed in SHA256SUMS"):
        deepaq.load(run)
    extra.unlink()
    outside = shutil.move(run / "model.safetensors", tmp_path / "elsewhere")
    (run / "model.safetensors").symlink_to(outside)
    with pytest.raises(UserError, match=r"model\.safetensors: is a link"):
        deepaq.load(run)
    with pytest.raises(UserError, match=r"model\.safetensors: is a link"):
        export(run, tmp_path / "out")


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "..", "a\\b", ""])
def test_a_list_names_only_files_of_its_own_folder(run: Path, name: str) -> None:
    (run / checksums.FILE).write_text(f"{'0' * 64}  {name}\n")
    with pytest.raises(UserError, match="is not a checksum and the name of a file in this folder"):
        deepaq.load(run)


def test_an_export_leaves_links_behind(run: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("private")
    (run / "labels.png").symlink_to(secret)
    with pytest.raises(UserError, match=r"labels\.png: is a link"):
        export(run, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_checksums_of_the_packaged_network_are_right_and_cost_little() -> None:
    checksums.verify(COMPACT, complete=True)
    times = []
    for _ in range(5):
        begun = time.perf_counter()
        checksums.verify(COMPACT)
        times.append(time.perf_counter() - begun)
    assert min(times) < 0.05


COMPACT_SETTINGS = {"width": 96, "blocks": 3, "projected": 32, "clip_dims": 16, "clip_dropout": 0.4}
CURVE = {"kind": "exponential", "top": 4.7, "scale": 0.1, "power": 1.0}
PERCEPTRON = {
    "kind": "mlp",
    "top": 4.7,
    "scale": 1.0,
    "weights": [[[-1.0]], [[1.0]], [[1.0]]],
    "biases": [[1], [0], [0]],
}


def compact(**settings: Any) -> dict[str, Any]:
    return {"settings": {**COMPACT_SETTINGS, **settings}}


def mert(**settings: Any) -> dict[str, Any]:
    return {"backbone": "mert", "settings": {"init": "random", "mode": "head", **settings}}


HOSTILE: dict[str, dict[str, Any]] = {
    "format": {"format": True},
    "format as text": {"format": "1"},
    "no object": {"settings": []},
    "unknown network": {"backbone": "os.system"},
    "network of another type": {"backbone": ["compact"]},
    "unknown setting": compact(evil=1),
    "a setting called name": compact(name="plain"),
    "wide": compact(width=100_000),
    "wider than its weights": compact(width=97),
    "endless": compact(blocks=100_000_000),
    "deeper than its weights": compact(blocks=4),
    "fraction": compact(projected=32.5),
    "flag for a number": compact(clip_dims=True),
    "dropout": compact(clip_dropout=1),
    "info": {"info": "\x1b[31m"},
    "curve of another type": {"full": 3},
    "unknown curve": {"full": {"kind": "spline"}},
    "curve of a list": {"full": {"kind": ["mlp"]}},
    "curve without parameters": {"full": {"kind": "exponential"}},
    "curve with too many": {"full": {**CURVE, "evil": 1}},
    "top as text": {"full": {**CURVE, "top": "x"}},
    "scale is null": {"full": {**CURVE, "scale": None}},
    "scale below 0": {"full": {**CURVE, "scale": -1e300}},
    "power is a flag": {"full": {**CURVE, "power": True}},
    "perceptron without layers": {"full": {**PERCEPTRON, "weights": [], "biases": []}},
    "perceptron of text": {"full": {**PERCEPTRON, "weights": [["a"]]}},
    "ragged perceptron": {"full": {**PERCEPTRON, "weights": [[[1]]], "biases": [[1, 2], [3]]}},
    "hub code": mert(config={"_attn_implementation": "owner/kernel"}),
    "remote code": mert(config={"auto_map": {"AutoModel": "evil.Model"}}),
    "data type": mert(config={"dtype": "evil"}),
    "activation": mert(config={"hidden_act": "evil"}),
    "convolutions": mert(config={"conv_dim": [512] * 6}),
    "layers": mert(config={"num_hidden_layers": 1_000_000}),
    "hidden": mert(config={"hidden_size": 10_000_000}),
    "dims": mert(dims=10_000_000_000),
    "rank": mert(mode="lora", rank=10_000_000),
    "config of text": mert(config="evil"),
    "large in all": mert(config={"hidden_size": 8192, "intermediate_size": 8192, "num_hidden_layers": 48}),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_model_is_refused_before_it_takes_memory(unlisted: Path, case: str) -> None:
    change(unlisted, **HOSTILE[case])
    begun = time.perf_counter()
    with pytest.raises(UserError) as error:
        deepaq.load(unlisted)
    assert time.perf_counter() - begun < 10
    assert "\n" not in str(error.value)


def test_large_networks_are_refused_even_with_a_head_that_fits(unlisted: Path) -> None:
    config = {"hidden_size": 4096, "intermediate_size": 8192, "num_hidden_layers": 48, "num_attention_heads": 16}
    save_file({"1.weight": torch.zeros(1, 49 * 4096), "1.bias": torch.zeros(1)}, unlisted / "head.safetensors")
    change(unlisted, **mert(dims=1, config=config))
    with pytest.raises(UserError, match=r"parameters, more than 200,000,000"):
        deepaq.load(unlisted)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"format": NaN}', "\udcff", "9" * 100_000, " " * (1 << 25)])
def test_text_that_is_no_json_is_one_line(unlisted: Path, text: str) -> None:
    (unlisted / "model.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(UserError, match=r"model\.json: is damaged"):
        deepaq.load(unlisted)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("mode", ["compact", "full", "head", "lora"])
def test_weights_that_are_not_finite_are_refused(tmp_path: Path, mode: str, value: float) -> None:
    settings = {} if mode == "compact" else {"init": "random", "mode": mode, "config": TINY, "dims": 4}
    made = metric("compact" if mode == "compact" else "mert", **settings)
    checkpoint.save(tmp_path / "run", made.model)
    deepaq.load(tmp_path / "run")
    path = next((tmp_path / "run").glob("head.safetensors" if mode in ("head", "lora") else "model.safetensors"))
    state = load_file(path)
    next(tensor for name, tensor in state.items() if "weight" in name).flatten()[0] = value
    save_file(state, path)
    with pytest.raises(UserError, match="holds NaN or infinite weights"):
        deepaq.load(tmp_path / "run")


def test_a_distance_that_is_not_finite_is_an_error() -> None:
    from tests.sounds import RATE, music

    made = metric()
    with torch.no_grad():
        made.model.network.stem.weight.fill_(3e38)
    with pytest.raises(UserError, match="a distance that is not finite"):
        made.score(music(1, 1), music(1, 2), sample_rate=RATE)


def altered(folder: Path, alter: Callable[[dict[str, torch.Tensor]], None]) -> None:
    state = load_file(folder / "model.safetensors")
    alter(state)
    save_file(state, folder / "model.safetensors")


def test_weights_of_other_shapes_are_named(unlisted: Path) -> None:
    altered(unlisted, lambda state: state.update({"stem.bias": torch.zeros(5)}))
    with pytest.raises(UserError, match=r"has another shape for stem\.bias"):
        deepaq.load(unlisted)
    altered(unlisted, lambda state: [state.pop("stem.bias"), state.update({"extra": torch.zeros(1)})][0])
    with pytest.raises(UserError, match=r"lacks stem\.bias"):
        deepaq.load(unlisted)
