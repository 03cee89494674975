"""Published weights: every tensor arrives, and nothing else is let in."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch

from deepaq.backbones import weights
from deepaq.backbones.backbone import build
from deepaq.errors import UserError
from deepaq.files import file_sha256
from tests.deepaq.backbones import published
from tests.deepaq.backbones.published import BASE, SMALL, tensors, write


def sha256(folder: Path) -> str:
    return file_sha256(folder / "pytorch_model.bin")


def loaded(folder: Path, name: str = "mert", **settings: Any) -> dict[str, torch.Tensor]:
    backbone = build(name, init=str(folder), mode="head", config=SMALL, **settings)
    return dict(backbone.network.state_dict())


def assert_all_equal(state: dict[str, torch.Tensor], source: dict[str, torch.Tensor]) -> None:
    assert len(state) == len(source) == 211
    for name, tensor in source.items():
        for old, new in (("weight_g", "original0"), ("weight_v", "original1")):
            name = name.replace(old, f"parametrizations.weight.{new}")
        assert torch.equal(state[name], tensor), name


@pytest.mark.parametrize("old_names", [True, False])
@pytest.mark.parametrize("kind", ["bin", "safetensors"])
def test_all_211_tensors_arrive(tmp_path: Path, kind: str, old_names: bool) -> None:
    source = tensors(old_names=old_names)
    folder = write(tmp_path, source, kind, **SMALL)
    assert_all_equal(loaded(folder, sha256=sha256(folder) if kind == "bin" else ""), source)


def test_the_real_size(tmp_path: Path) -> None:
    source = tensors(BASE)
    assert sum(tensor.numel() for tensor in source.values()) == 94_371_712
    folder = write(tmp_path, source, "safetensors", **BASE)
    backbone = build("mert", init=str(folder))
    assert backbone.parameter_counts() == {
        "backbone": 94_371_712,
        "lora": 294_912,
        "head": 2_556_160,
        "trainable": 2_851_072,
        "total": 97_222_784,
    }
    counts = backbone.parameter_counts()
    assert 100 * counts["trainable"] / counts["total"] == pytest.approx(2.9325, abs=5e-5)
    state = {name.replace(".base_layer", ""): tensor for name, tensor in backbone.network.state_dict().items()}
    assert_all_equal({name: tensor for name, tensor in state.items() if ".lora_" not in name}, source)


@pytest.mark.parametrize(("name", "prefix"), [("wav2vec2", "wav2vec2."), ("hubert", "hubert."), ("hubert", "")])
def test_relatives_load_with_and_without_a_pretraining_head(tmp_path: Path, name: str, prefix: str) -> None:
    source = tensors()
    heads = {"quantizer.codevectors": torch.zeros(1, 4, 8), "project_q.bias": torch.zeros(4)} if prefix else {}
    folder = write(tmp_path, {**{prefix + key: tensor for key, tensor in source.items()}, **heads}, **SMALL)
    assert_all_equal(loaded(folder, name, sha256=sha256(folder)), source)


def test_half_precision_is_widened(tmp_path: Path) -> None:
    folder = write(tmp_path, {name: tensor.half() for name, tensor in tensors().items()}, "safetensors", **SMALL)
    assert {tensor.dtype for tensor in loaded(folder).values()} == {torch.float32}


def test_a_wrong_checksum_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path, tensors(), **SMALL)
    with pytest.raises(UserError, match=r"pytorch_model.bin: its SHA-256 is .* expected a2b8b747"):
        loaded(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"attention_relax": 32, "hidden_size": 1024, "num_hidden_layers": 24},
            "attention_relax is 32: as in MERT-v1-330M",
        ),
        ({"num_hidden_layers": 24}, "num_hidden_layers is 24, m-a-p/MERT-v1-95M has 12"),
        ({"feature_extractor_cqt": True}, "feature_extractor_cqt is set"),
        ({"conv_kernel": [10, 3]}, "conv_kernel is"),
    ],
)
def test_another_architecture_is_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    folder = write(tmp_path, tensors(), "safetensors", **{**SMALL, **change})
    with pytest.raises(UserError, match=message):
        loaded(folder)


@pytest.mark.parametrize("break_", ["lacks", "has the unknown", "has another shape for"])
def test_missing_unknown_and_misshapen_tensors_are_refused(tmp_path: Path, break_: str) -> None:
    state = tensors()
    name = "encoder.layers.3.attention.q_proj.weight"
    tensor = state.pop(name)
    if break_ == "has the unknown":
        state |= {name: tensor, "encoder.layers.12.attention.q_proj.weight": tensor + 0}
    elif break_ != "lacks":
        state[name] = tensor[:, 1:].contiguous()
    folder = write(tmp_path, state, "safetensors", **SMALL)
    with pytest.raises(UserError, match=f"{break_} .*q_proj.weight"):
        loaded(folder)


class Payload:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


def test_no_code_in_a_pickle_runs(tmp_path: Path) -> None:
    folder = write(tmp_path / "weights", {**tensors(), "extra": Payload(tmp_path / "executed")}, **SMALL)
    with pytest.raises(UserError, match=r"is not a file of tensors"):
        loaded(folder, sha256=sha256(folder))
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("content", [b"", b"not tensors", None])
def test_damaged_and_missing_files_are_refused(tmp_path: Path, content: bytes | None) -> None:
    for name in ("model.safetensors", "config.json") if content is not None else ():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=r"config.json: is not readable|holds neither"):
        loaded(tmp_path)
    (tmp_path / "config.json").unlink(missing_ok=True)
    with pytest.raises(UserError, match=r"is not a file of tensors|holds neither"):
        loaded(tmp_path)


def test_no_such_folder_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such folder of m-a-p/MERT-v1-95M weights"):
        loaded(tmp_path / "nowhere")


def test_without_a_network_the_error_says_what_to_do(tmp_path: Path) -> None:
    """In a process of its own, because the hub's client reads its environment once."""
    import subprocess
    import sys

    code = (
        "from deepaq.errors import UserError\nfrom deepaq.backbones import weights\n"
        "try: weights.from_hub(weights.MERT, {}, 'DEEPAQ_MERT')\nexcept UserError as error: print(error)"
    )
    env = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path), "DEEPAQ_MERT": ""}
    run = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert run.stdout.startswith("m-a-p/MERT-v1-95M: cannot be fetched (")
    assert "set DEEPAQ_MERT or backbone.init to a folder that holds it" in run.stdout
    assert len(run.stdout.splitlines()) == 1


def test_the_variable_names_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tensors()
    monkeypatch.setenv("DEEPAQ_MERT", str(write(tmp_path, source, "safetensors", **SMALL)))
    assert_all_equal(dict(build("mert", mode="head", config=SMALL).network.state_dict()), source)


def test_settings_find_the_same_weights_and_no_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write(tmp_path / "one", tensors(), "safetensors", **SMALL)
    settings = json.loads(json.dumps(build("mert", init=str(folder), mode="head", config=SMALL).settings()))
    moved = folder.rename(tmp_path / "moved")
    monkeypatch.setenv("DEEPAQ_MERT", str(moved))
    again = build("mert", **settings)
    assert weights.fingerprint(again.network) == settings["fingerprint"]
    write(moved, published.tensors(seed=1), "safetensors", **SMALL)
    with pytest.raises(UserError, match=r"are not those it was trained on .*DEEPAQ_MERT"):
        build("mert", **settings)
