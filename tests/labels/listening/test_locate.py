"""Files of a test by the names that its page gives them."""

from __future__ import annotations

from pathlib import Path

import pytest

from labels.listening.locate import locate


def test_a_bare_name_may_be_anywhere_if_only_one_file_has_it(tmp_path: Path) -> None:
    for place in ("one/a.wav", "one/b.wav", "two/b.wav"):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).touch()
    found = {"a.wav": tmp_path / "one" / "a.wav", "b.wav": tmp_path / "b.wav"}
    assert locate(tmp_path, found) == found


@pytest.mark.parametrize("name", ["\0", "\ud800", "a" * 300], ids=["null", "surrogate", "long"])
def test_a_name_that_no_file_can_have_is_not_found(tmp_path: Path, name: str) -> None:
    assert locate(tmp_path, [name]) == {name: tmp_path / name}
