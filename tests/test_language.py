"""The prose is plain English: docstrings and comments open with a verb or a noun phrase, and idioms stay out."""

from __future__ import annotations

import ast
import re
import subprocess
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

PACKAGES = ("deepaq", "manifests", "prep", "labels", "training")
OPENINGS = re.compile(r"(of|where|whether|what|as)\b", re.IGNORECASE)  # fragments that leave the subject out
PHRASES = (
    r"hold(s|ing)? ((?!\.)[^.;:]{1,40} )?against",
    r"held against",
    r"mend(s|ed|ing)?",
    r"(go|goes|went|gone) on with",
    r"(goes|went) on",
    r"(take|takes|taken|took) back",
    r"where there (is|are) such",
    r"hears",
    r"of which (a|less|more|the|only|no|some|two|one)",
    r"at home",
    r"strangers?",
    r"(coded|degraded|damaged) versions?",
    r"run again, it",
    r"the whole road",
    r"songs",
)
PHRASE = re.compile(rf"\b({'|'.join(PHRASES)})\b", re.IGNORECASE)
ALLOWED = {'"songs"', "'songs'", "songs (tracks"}  # a key of JSON results


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(["git", "ls-files", *patterns], cwd=ROOT, capture_output=True, text=True, check=False)
    if not listed.stdout:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.split() if (ROOT / name).is_file()]


def docstrings(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if text := ast.get_docstring(node):
            yield node.body[0].lineno, text


def comments(path: Path) -> Iterator[tuple[int, str]]:
    """Yield comments, the lines of a longer one joined."""
    with tokenize.open(path) as file:
        last, before = -1, ""
        for token in tokenize.generate_tokens(file.readline):
            if token.type == tokenize.COMMENT:
                number, alone = token.start[0], not token.line[: token.start[1]].strip()
                if not (alone and last == number - 1 and before):
                    yield number, token.string.lstrip("#! ")
                last, before = number, token.string if alone else ""


@pytest.mark.parametrize("package", PACKAGES)
def test_docstrings_and_comments_open_with_a_verb_or_a_noun_phrase(package: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {text.splitlines()[0]}"
        for path in tracked(f"{package}/*.py")
        for number, text in [*docstrings(path), *comments(path)]
        if OPENINGS.match(text)
    ]
    assert not found, "\n".join(found)


def test_translated_idioms_stay_out() -> None:
    found = []
    for path in tracked("*.py", "*.md", "*.sh", "*.toml"):
        if path == Path(__file__):
            continue
        text = path.read_text()
        for match in PHRASE.finditer(text):
            around = text[max(0, match.start() - 1) : match.end() + 8]
            if not any(allowed in around for allowed in ALLOWED):
                line = text.count("\n", 0, match.start()) + 1
                found.append(f"{path.relative_to(ROOT)}:{line}: {re.sub(chr(10) + ' *', ' ', match[0])}")
    assert not found, "\n".join(found)
