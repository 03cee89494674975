"""Pages: self-contained, well-formed, and nothing in the text can become markup."""

from __future__ import annotations

from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.report.page import Axes, figure, folded, legend, page, paragraph, table, ticks

VOID = {"meta", "br"}  # every SVG element is closed


class Document(HTMLParser):
    """The page's tags, texts and addresses; open tags that are closed in the wrong order are an error."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text: list[str] = []
        self.addresses: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, Any]]) -> None:
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, Any]]) -> None:
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in {"href", "src"}]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


HOSTILE = "<script>alert(\"1\")</script> & 'quotes'"


def test_a_page_is_well_formed_and_loads_nothing() -> None:
    axes = Axes((0, 100), (1, 5), "listeners", "ViSQOL")
    chart = figure(axes.svg([f'<circle cx="{axes.x(50)}" cy="{axes.y(3)}" r="3"/>'], "scatter"), "a caption")
    document = Document(page("Title", "lead", [("One", chart + legend(["a", "b"])), ("Two", table(["x"], [["1"]]))]))
    assert document.addresses == ["#part-0", "#part-1"]
    assert document.tags.count("h2") == 2


@pytest.mark.parametrize(
    "html",
    [
        page(HOSTILE, HOSTILE, [(HOSTILE, "")]),
        paragraph(HOSTILE),
        table([HOSTILE], [[HOSTILE]], HOSTILE),
        legend([HOSTILE]),
        folded(HOSTILE, paragraph("x")),
        figure(Axes((0, 1), (0, 1), HOSTILE, HOSTILE).svg([], HOSTILE), HOSTILE),
    ],
)
def test_text_stays_text(html: str) -> None:
    document = Document(html)
    assert "script" not in document.tags
    assert HOSTILE in "".join(document.text)


def test_axes_put_the_ranges_on_the_frame() -> None:
    axes = Axes((0, 100), (1, 5), "x", "y")
    assert (axes.x(0), axes.x(100)) == (axes.left, axes.width - axes.margin)
    assert (axes.y(1), axes.y(5)) == (axes.height - axes.bottom, axes.margin)


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_ticks_are_few_round_and_inside(low: float, span: float) -> None:
    found = ticks(low, low + span)
    assert 2 <= len(found) <= 6
    assert all(low - 1e-6 * span <= value <= low + span * (1 + 1e-6) for value in found)
    steps = {round(b - a, 9) for a, b in pairwise(found)}
    assert max(steps) - min(steps) <= 1e-6 * max(steps) + 1e-9
