"""The report's pages: verdicts, axes, legends, and untrusted names."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from labels.benchmark.evaluate import SYSTEM_MEAN
from labels.benchmark.report.blocks import Section, Table, Text, counted
from labels.benchmark.report.verdict import verdict
from labels.benchmark.report.write import set_markdown
from labels.benchmark.stage import benchmark
from labels.importing.stage import import_test
from tests.labels.benchmark.benchmarks import IMPORT, ONE
from tests.labels.listening.listening_layouts import table
from tests.manifests.report.test_page import Document
from tests.sounds import music, write


def test_the_summary_begins_with_a_verdict_and_is_sorted(made, report) -> None:
    text = (made[0] / "report" / "report.md").read_text().partition("## first")[0]
    assert "first: si-sdr has the highest PCC" in text or "first: lsd has the highest PCC" in text
    ranked = [line.split(" | ")[0][2:] for line in text.splitlines() if line.startswith(("| lsd", "| si-sdr"))]
    means = {
        rater: np.mean([r["pcc"][0] for test in report["tests"] for r in test["protocols"][0]["results"]
                        if r["rater"] == rater])
        for rater in ranked
    }  # fmt: skip
    assert ranked == sorted(ranked, key=lambda rater: -means[rater])


def judged(p: float, mean: float) -> dict:
    results = [{"rater": name, "pcc": [value, None, None]} for name, value in (("a", 0.6), ("b", 0.5))]
    part = {"protocol": "coded", "results": results, SYSTEM_MEAN: {"pcc": [mean, None, None]}}
    comparisons = [{"a": "a", "b": "b", "p_holm": p}]
    return {"about": {"title": "T"}, "protocols": [part], "comparisons": comparisons}


@pytest.mark.parametrize(
    ("p", "mean", "text"),
    [
        (0.3, 0.4, "not separable from b (Steiger's test, p adjusted after Holm)."),
        (0.01, 0.4, "separable from all others (Steiger's test, p adjusted after Holm)."),
        (0.01, 0.7, "No rater reaches the mean of the same system on other items, which takes no audio (0.70)."),
    ],
)
def test_the_verdict_says_what_the_figures_allow(p: float, mean: float, text: str) -> None:
    found = verdict(judged(p, mean))
    assert found is not None
    assert found.startswith("T: a has the highest PCC (0.60, coded)")
    assert found.endswith(text)


def test_axes_say_when_lower_is_better_and_shapes_are_explained(made) -> None:
    page = (made[0] / "report" / "report.html").read_text()
    assert "lsd, lower is better" in page
    assert "si-sdr, lower is better" not in page
    assert "circle system under test, square hidden reference, triangle anchor" in page
    assert "n = 18)" in page
    assert "drawn on its edge" in page  # identical references have an SI-SDR of 100 dB


def test_no_mark_lies_outside_its_chart(made) -> None:
    document = Document((made[0] / "report" / "report.html").read_text())
    assert document.tags.count("svg") == 4
    import re

    page = (made[0] / "report" / "report.html").read_text()
    places = [float(x) for x in re.findall(r'<circle class="mark" cx="([\d.-]+)"', page)]
    places += [float(x) for x in re.findall(r'<path class="mark" d="M([\d.-]+)', page)]
    assert len(places) > 50
    assert min(places) >= 52
    assert max(places) <= 370


def test_one_of_a_thing_is_singular() -> None:
    assert [counted(n, "item", "items") for n in (0, 1, 2)] == ["0 items", "1 item", "2 items"]


EVIL = '=HYPERLINK("http://x")<script>alert(1)</script>[a](javascript:b)'


def test_names_of_a_test_are_never_markup_or_formulas(tmp_path: Path) -> None:
    sound = music(1.2, 1, 24_000, 1)
    write(tmp_path / "in" / "r.wav", sound, 24_000)
    rows = []
    for i, level in enumerate((0.001, 0.003, 0.01, 0.03, 0.1)):
        noise = level * np.random.default_rng(i).standard_normal(sound.shape).astype(np.float32)
        write(tmp_path / "in" / f"{i}.wav", np.clip(sound + noise, -1, 0.99), 24_000)
        rows.append(("r.wav", f"{i}.wav", 90 - 15 * i, f"{EVIL}{i}", EVIL, "@SUM(A1)"))
    header = ("reference", "degraded", "score", "condition", "item", "content")
    import_test("csv", table(tmp_path / "in" / "t.csv", header, rows), tmp_path / "data", IMPORT)
    benchmark([tmp_path / "data"], ("lsd",), tmp_path / "report", ONE)
    markdown = (tmp_path / "report" / "report.md").read_text()
    assert "<script" not in markdown
    assert "](javascript" not in markdown
    with (tmp_path / "report" / "stimuli.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            assert row["item"] == f"'{EVIL}"
            assert row["content"] == "'@SUM(A1)"
            float(row["mean"])
    assert "script" not in Document((tmp_path / "report" / "report.html").read_text()).tags


def test_markdown_keeps_tables_whole() -> None:
    block = Table("a\nb", ["x|y", "n"], [["1\n2", "< 3"]])
    text = set_markdown("t", [Section("s", [Text("<b>"), block])])
    assert "| x\\|y | n |" in text
    assert "| 1 2 | &lt; 3 |" in text
    assert "&lt;b&gt;" in text
    assert "a b" in text


def test_a_single_repeated_condition_has_no_system_mean(tmp_path: Path) -> None:
    """The mean of the others falls as a stimulus rises: it would correlate with -1."""
    rows = []
    for item in range(5):
        sound = music(1.2, item, 24_000, 1)
        write(tmp_path / "in" / f"{item}.wav", sound, 24_000)
        noise = 0.01 * (item + 1) * np.random.default_rng(item).standard_normal(sound.shape).astype(np.float32)
        write(tmp_path / "in" / f"{item}x.wav", np.clip(sound + noise, -1, 0.99), 24_000)
        rows.append((f"{item}.wav", f"{item}x.wav", 80 - 10 * item, "same", f"i{item}"))
    header = ("reference", "degraded", "score", "condition", "item")
    import_test("csv", table(tmp_path / "in" / "t.csv", header, rows), tmp_path / "data", IMPORT)
    report = benchmark([tmp_path / "data"], ("lsd",), tmp_path / "report", ONE)
    assert report["tests"][0]["protocols"][0][SYSTEM_MEAN]["pcc"] == [None, None, None]
