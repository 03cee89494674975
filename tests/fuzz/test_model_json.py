"""Mutations of `model.json` and of the weights' header: every one loads or is refused in one line.

DEEPAQ_FUZZ_S sets how long each test continues; the mutations are the same for the same seed.
"""

from __future__ import annotations

import json
import math
import os
import random
import time
import traceback
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

import deepaq
from deepaq.errors import UserError
from deepaq.scoring import checkpoint
from deepaq.scoring.metric import Metric
from tests.deepaq.backbones.shrunken import TINY
from tests.deepaq.scoring.test_metric import metric

SECONDS = float(os.environ.get("DEEPAQ_FUZZ_S", "4"))
LONGEST_S = 10.0
VALUES: list[Any] = [
    *(None, True, False, 0, 1, -1, 2, 0.5, -0.5, 1e308, 1e-308, 2**31, 2**63, 10**30, math.nan, math.inf),
    *("", "x", "compact", "plain", "mert", "exponential", "mlp", "cubic", "../..", "\x1b[0m", "owner/kernel", "\ud800"),
    *([], {}, [[]], [{}], [0] * 1000, {"": None}, [[[1]]], [None]),
]
KEYS = [
    "kind",
    "name",
    "width",
    "config",
    "_attn_implementation",
    "auto_map",
    "torch_dtype",
    "load",
    "init",
    "",
    "self",
]


def mutated(content: Any, rng: random.Random) -> Any:
    """A copy with a few values replaced, keys added, removed or renamed."""
    content = json.loads(json.dumps(content))
    for _ in range(rng.randint(1, 3)):
        places = list(walk(content))
        parent, key = rng.choice(places)
        match rng.randrange(4):
            case 0 | 1:
                parent[key] = deepcopy(rng.choice(VALUES))
            case 2 if isinstance(parent, dict):
                parent[rng.choice(KEYS)] = deepcopy(rng.choice(VALUES))
            case _:
                del parent[key]
        if not list(walk(content)):
            break
    return content


def walk(value: Any, deepest: int = 50) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, dict | list) and deepest:
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from walk(value[key], deepest - 1)


def models() -> dict[str, Metric]:
    return {
        "compact": metric(width=8, blocks=1, projected=4, clip_dims=2),
        "plain": metric("plain"),
        "core": deepaq.load(),
        "mert": metric("mert", init="random", mode="head", config=TINY, dims=4),
    }


def go_on(mutate: Callable[[random.Random], None], folder: Path) -> int:
    """Mutate and load until the time is over; return how many were refused."""
    rng, refused, end = random.Random(17), 0, time.monotonic() + SECONDS
    while time.monotonic() < end or not refused:
        begun, message = time.monotonic(), ""
        mutate(rng)
        try:
            deepaq.load(folder)
        except UserError as error:
            refused, message = refused + 1, str(error)
        except Exception:
            pytest.fail(f"{(folder / 'model.json').read_bytes()[:2000]!r}\n{traceback.format_exc(limit=-6)}")
        assert "\n" not in message
        assert time.monotonic() - begun < LONGEST_S
    return refused


@pytest.mark.parametrize("name", ["compact", "plain", "core", "mert"])
def test_a_mutated_model_json_loads_or_is_refused_in_one_line(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEEPAQ_MERT", str(tmp_path / "none"))  # in place of the hub
    checkpoint.save(tmp_path, models()[name].model)
    content = json.loads((tmp_path / "model.json").read_text())

    def mutate(rng: random.Random) -> None:
        (tmp_path / "model.json").write_text(json.dumps(mutated(content, rng)))

    assert go_on(mutate, tmp_path)


def test_mutated_bytes_of_model_json_and_of_the_weights_are_refused_in_one_line(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, models()["compact"].model)
    whole = {name: (tmp_path / name).read_bytes() for name in ("model.json", "model.safetensors")}

    def mutate(rng: random.Random) -> None:
        for name, content in whole.items():
            (tmp_path / name).write_bytes(content)
        name = rng.choice(list(whole))
        content = bytearray(whole[name])
        match rng.randrange(3):
            case 0:
                del content[rng.randrange(len(content)) :]
            case 1:
                at = rng.randrange(min(len(content), 2000))
                content[at : at + rng.randrange(4)] = rng.randbytes(rng.randrange(8))
            case _:
                for _ in range(rng.randint(1, 8)):
                    content[rng.randrange(min(len(content), 2000))] = rng.randrange(256)
        (tmp_path / name).write_bytes(content)

    assert go_on(mutate, tmp_path)
