"""Recipes: the settings of a training run as TOML, changed by `-o key=value`."""

from __future__ import annotations

import copy
import itertools
import math
import tomllib
import typing
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from difflib import get_close_matches
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from deepaq.errors import UserError
from training.settings import Recipe, is_number


def names() -> list[str]:
    """Return the names of the built-in recipes."""
    found = (path.name for path in resources.files("training.recipes").iterdir())
    return sorted(name.removesuffix(".toml") for name in found if name.endswith(".toml"))


def purpose(name: str) -> str:
    """Return the purpose of a recipe: the first sentence of the comment at its head."""
    lines = (resources.files("training.recipes") / f"{name}.toml").read_text(encoding="utf-8").splitlines()
    head = [line.removeprefix("#").strip() for line in itertools.takewhile(lambda line: line.startswith("#"), lines)]
    return " ".join(head).partition(". ")[0].rstrip(".")


def load(recipe: str, overrides: Iterable[str] = ()) -> Recipe:
    """Load a recipe by name, or a TOML file, with `key=value` overrides such as `optimiser.lr=1e-3`."""
    return from_json(_content(recipe, Path()) | {"name": Path(recipe).stem}, overrides)


def _content(recipe: str, folder: Path, above: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return a recipe's TOML merged into its base's. folder: that names are relative to. above: recipes based on it."""
    if recipe.endswith(".toml"):
        path = folder / recipe
        recipe, folder = str(path), path.parent
        if not path.is_file():
            raise UserError(f"--recipe {recipe}: no such file")
        source: Traversable = path
    elif recipe in names():
        source = resources.files("training.recipes") / f"{recipe}.toml"
    else:
        raise UserError(f"--recipe {recipe}: unknown; known are {', '.join(names())}, or name a TOML file")
    if recipe in above:
        raise UserError(f"--recipe {recipe}: is its own base")
    try:
        content = tomllib.loads(source.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"--recipe {recipe}: is not valid TOML ({error})") from None
    if base := content.pop("base", None):
        return _merged(_content(str(base), folder, (*above, recipe)), content)
    return content


def from_json(content: Mapping[str, Any], overrides: Iterable[str] = ()) -> Recipe:
    """Make a recipe from the output of `to_json`, or from the content of a TOML file, with overrides."""
    changed = copy.deepcopy(dict(content))
    for override in overrides:
        _override(changed, override)
    return typing.cast(Recipe, _make(Recipe, changed, ""))


def _merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Merge `changes` into `base`, table by table; raters are replaced as a whole."""
    result = dict(base)
    for key, value in changes.items():
        inner = result.get(key)
        if isinstance(inner, Mapping) and isinstance(value, Mapping) and key != "raters":
            value = _merged(inner, value)
        result[key] = value
    return result


def _override(content: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals:
        raise UserError(f"-o {override}: write key=value")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text  # a bare word
    place = content
    *sections, last = key.split(".")
    for section in sections:
        place = place.setdefault(section, {})
        if not isinstance(place, dict):
            raise UserError(f"-o {override}: {section} has no settings of its own")
    place[last] = value


def _make(kind: type, content: Mapping[str, Any], where: str) -> Any:
    """Make a settings class from a TOML table; UserError for unknown keys and values of the wrong type."""
    types_of = typing.get_type_hints(kind)
    known = [entry.name for entry in fields(kind)]
    arguments = {}
    for key, value in content.items():
        if key not in known:
            near = get_close_matches(key, known, 1)
            hint = f"did you mean {near[0]}" if near else f"known are {', '.join(known)}"
            raise UserError(f"recipe: {where}{key} is unknown; {hint}")
        arguments[key] = _value(types_of[key], value, f"{where}{key}")
    return kind(**arguments)


def _value(kind: Any, value: Any, where: str) -> Any:
    if is_dataclass(kind):
        if not isinstance(value, Mapping):
            raise UserError(f"recipe: {where} is a section, set {where}.KEY")
        return _make(typing.cast(type, kind), value, f"{where}.")
    if typing.get_origin(kind) is tuple:
        if not isinstance(value, list | tuple) or not all(isinstance(entry, str) for entry in value):
            raise UserError(f"recipe: {where}={value!r} is not a list of words, such as {where}='[\"opus\"]'")
        return tuple(value)
    if typing.get_origin(kind) is not None:  # a mapping of its own
        if not isinstance(value, Mapping):
            raise UserError(f"recipe: {where} is a section, set {where}.KEY")
        return value
    if kind is float and is_number(value):
        if not math.isfinite(value):
            raise UserError(f"recipe: {where}={value} is not a finite number")
        return float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise UserError(f"recipe: {where}={value!r} is not of type {kind.__name__}")
    return value
