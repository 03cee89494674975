"""What a MERT stores: an adapter in the format of PEFT, a head and a notice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from deepaq.backbones import transformer
from deepaq.backbones.backbone import build
from deepaq.errors import UserError
from tests.deepaq.backbones.published import SMALL
from tests.deepaq.backbones.shrunken import TINY, noise, tiny


@pytest.mark.parametrize("mode", ["lora", "full", "head"])
def test_what_is_saved_makes_the_same_network_again(tmp_path: Path, mode: str) -> None:
    backbone = tiny(mode=mode).eval()
    with torch.no_grad():
        for parameter in backbone.parameters():
            if parameter.requires_grad:
                parameter.add_(0.1 * torch.randn_like(parameter))
    backbone.save(tmp_path)
    torch.manual_seed(5)  # whatever the new network starts from must not matter
    again = build("mert", **json.loads(json.dumps(backbone.settings()))).eval()
    again.restore(tmp_path)
    with torch.no_grad():
        assert torch.equal(backbone.embed(noise()), again.embed(noise()))
    assert again.parameter_counts() == backbone.parameter_counts()
    stored = sum(path.stat().st_size for path in tmp_path.glob("*.safetensors"))
    whole = 4 * backbone.parameter_counts()["total"]
    assert stored > whole if mode == "full" else stored < whole / 4


def test_the_adapter_is_in_the_format_of_peft(tmp_path: Path) -> None:
    from peft import PeftModel

    backbone = tiny().eval()
    for name, parameter in backbone.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter)
    backbone.save(tmp_path)
    config = json.loads((tmp_path / "adapter_config.json").read_text())
    assert (config["r"], config["lora_alpha"], sorted(config["target_modules"])) == (8, 16, ["q_proj", "v_proj"])
    assert config["base_model_name_or_path"] == "m-a-p/MERT-v1-95M"
    network = transformer.build("HubertModel", {**transformer.BASE, **TINY}, dropout=0.1, seed=0)
    loaded = PeftModel.from_pretrained(network, str(tmp_path)).eval()
    samples = transformer.normalised(noise())
    with torch.no_grad():
        assert torch.equal(loaded(samples).last_hidden_state, backbone.network(samples).last_hidden_state)


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    backbone = tiny()
    with pytest.raises(UserError, match=r"head.safetensors: cannot be read"):
        backbone.restore(tmp_path)
    backbone.save(tmp_path)
    with pytest.raises(UserError, match=r"adapter_config.json: r is 8, the run's settings have 4"):
        tiny(rank=4).restore(tmp_path)
    with pytest.raises(UserError, match=r"head.safetensors: has another shape"):
        tiny(dims=16).restore(tmp_path)
    wide = tiny(config={**TINY, "num_hidden_layers": 1, "hidden_size": 48})
    wide.head = backbone.head
    with pytest.raises(UserError, match=r"adapter_model.safetensors: does not fit"):
        wide.restore(tmp_path)
    (tmp_path / "adapter_model.safetensors").write_bytes(b"torn")
    with pytest.raises(UserError, match=r"adapter_model.safetensors: cannot be read"):
        backbone.restore(tmp_path)
    (tmp_path / "adapter_config.json").write_text("{")
    with pytest.raises(UserError, match=r"adapter_config.json: is missing or damaged"):
        backbone.restore(tmp_path)
    full = tiny(mode="full")
    with pytest.raises(UserError, match=r"model.safetensors: cannot be loaded"):
        full.restore(tmp_path)


def test_random_weights_are_marked_loudly(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    backbone = tiny()
    assert "RANDOM weights, nothing pretrained" in caplog.text
    assert backbone.settings()["init"] == "random"
    backbone.save(tmp_path)
    assert "random weights" in (tmp_path / "NOTICE").read_text()


def test_the_notice_tells_the_licence(tmp_path: Path) -> None:
    from tests.deepaq.backbones.published import tensors, write

    folder = write(tmp_path, tensors(), "safetensors", **SMALL)
    backbone = build("mert", init=str(folder), config=SMALL)
    backbone.save(tmp_path)
    assert "CC-BY-NC-4.0: no commercial use" in (tmp_path / "NOTICE").read_text()
