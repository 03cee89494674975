"""The registry of parts: built-in ones, those of installed packages, and what is wrong with some of those."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from deepaq.errors import UserError
from deepaq.registry import Registry, check_class

MODULE = "parts_for_a_test"
CODE = """
class Good(list):
    name = "good"
class Other(list):
    name = "another"
class Open(list):
    def use(self):
        raise KeyError("inside")
number = 7
"""


def accepted(name: str, part: Any) -> type[list[int]]:
    check_class(part, list)
    return part


def registry() -> Registry[type[list[int]]]:
    return Registry("part", "deepaq.parts_of_a_test", {"own": "builtins:list", "second": list}, accepted)


def install(folder: Path, distribution: str, version: str = "1.2", **offers: str) -> None:
    """Lay out an installed distribution that offers parts."""
    info = folder / f"{distribution}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
    lines = [f"{name} = {value}" for name, value in offers.items()]
    (info / "entry_points.txt").write_text("\n".join(["[deepaq.parts_of_a_test]", *lines, ""]))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of installed packages."""
    (tmp_path / f"{MODULE}.py").write_text(CODE)
    (tmp_path / "leaves.py").write_text("raise SystemExit(3)\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, MODULE, raising=False)
    return tmp_path


def test_built_in_parts_are_imported_when_they_are_asked_for() -> None:
    parts = registry()
    assert list(parts) == ["own", "second"]
    assert len(parts) == 2
    assert parts["own"] is parts["second"] is list
    assert parts.origin("own") == "built-in"
    assert parts.packages(parts) == {}


def test_a_package_adds_a_part_and_is_named(folder: Path) -> None:
    install(folder, "more-parts", good=f"{MODULE}:Good")
    parts = registry()
    assert list(parts) == ["own", "second", "good"]
    assert parts["good"].__name__ == "Good"
    assert parts.origin("good") == "more-parts 1.2"
    assert parts.packages(["own", "good"]) == {"more-parts": "1.2"}
    assert parts.listing(lambda name, part: {"called": part.__name__})["good"] == {
        "called": "Good",
        "from": "more-parts 1.2",
        "here": "yes",
    }


BROKEN = {
    "absent": ("no_such_module:Part", r"cannot be imported \(ModuleNotFoundError: No module named 'no_such_module'\)"),
    "missing": (f"{MODULE}:Nothing", r"cannot be imported \(AttributeError"),
    "leaving": ("leaves:Part", r"cannot be imported \(SystemExit: 3\)"),
    "number": (f"{MODULE}:number", r"does not keep the contract \(is not a subclass of builtins.list\)"),
    "renamed": (f"{MODULE}:Other", "calls itself 'another'"),
    "a/b": (f"{MODULE}:Good", "a name is made of letters"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_part_is_one_line_that_names_its_package_and_hurts_no_other(name: str, folder: Path) -> None:
    value, reason = BROKEN[name]
    install(folder, "broken", "0.1", good=f"{MODULE}:Good", **{name: value})
    parts = registry()
    with pytest.raises(UserError, match=f"^part {name}: {reason}.*; update or uninstall broken 0.1$") as error:
        parts[name]
    assert "\n" not in str(error.value)
    assert parts["good"].__name__ == "Good"
    found = parts.listing(lambda name, part: {})
    assert found[name] == {"from": "broken 0.1", "here": str(error.value)}
    assert found["own"]["here"] == found["good"]["here"] == "yes"


def test_a_name_that_is_taken_is_refused_whoever_has_it(folder: Path) -> None:
    install(folder, "first", own=f"{MODULE}:Open", good=f"{MODULE}:Good")
    install(folder, "other", "3", good=f"{MODULE}:Good")
    parts = registry()
    with pytest.raises(UserError, match=r"^part own: first 1.2 and deepaq itself have one of that name; uninstall "):
        parts["own"]
    with pytest.raises(UserError, match=r"^part good: (first 1.2 and other 3|other 3 and first 1.2) have one"):
        parts["good"]
    assert parts["second"] is parts.built_in("own") is list


def test_an_unknown_name_is_refused_with_the_known_ones(folder: Path) -> None:
    install(folder, "more-parts", good=f"{MODULE}:Good")
    with pytest.raises(UserError, match="part 'bad' is unknown; known are good, own, second"):
        registry()["bad"]


def test_what_the_part_of_a_package_raises_names_the_package(folder: Path) -> None:
    install(folder, "more-parts", open=f"{MODULE}:Open")
    parts = registry()
    with (
        pytest.raises(UserError, match=r"^part open of more-parts 1.2 failed \(KeyError: 'inside'\)$"),
        parts.attributed("open"),
    ):
        parts["open"]().use()  # type: ignore[attr-defined]
    with pytest.raises(KeyError), parts.attributed("own"):
        raise KeyError
    with pytest.raises(MemoryError), parts.attributed("open"):
        raise MemoryError
