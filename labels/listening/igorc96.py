"""Reader of the public multiformat listening test at 96 kbps of 2014: a page of results and linked files."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from deepaq.errors import UserError
from labels.listening.files import content, find
from labels.listening.locate import locate
from labels.listening.reader import Reader, Reading, Stimulus
from manifests import schema

SECTION = "All sets of tracks"
HEADINGS = {"h1", "h2"}  # smaller headings divide a section
CELLS = 8  # the reference, one unused cell and six codecs
CODECS = ("Opus", "AAC", "Vorbis", "MP3", "FAAC 1", "FAAC 2")  # in the page's order; both FAAC columns are anchors


class IgorC96(Reader):
    """Reads `results.htm`: 40 rows of 8 cells. The first cell links the reference; the last six hold the listeners'
    mean and link the coded file. The page names no listeners and gives no intervals."""

    name = "igorc96"
    title = "IgorC96Multiformat"
    scale, lowest, highest = "ABC/HR", 1.0, 5.0
    licence = "none stated; ask the organisers before sharing"
    citation = "IgorC, Kamedo2 and others (2014), Results of the public multiformat listening test at 96 kbps"

    def read(self, path: Path) -> Reading:
        reading = Reading(self.lowest, self.highest)
        page = find(path, "results.htm*")
        rows = _Page(content(page).decode("utf-8", "replace")).rows
        files = locate(page.parent, [name for row in rows for cell in row if (name := _name(cell.link))])
        for count, row in enumerate(rows, 1):
            where = f"{page.name}, row {count} of {SECTION!r}"
            if not (name := _name(row[0].link)):  # a row of means
                continue
            if len(row) != CELLS:
                reading.problems.append(f"{where}: {len(row)} cells instead of {CELLS}; left out")
                continue
            item, reference = str(PurePosixPath(name).with_suffix("")), files[name]
            for codec, cell in zip(CODECS, row[2:], strict=True):
                role = schema.ANCHOR if codec.startswith("FAAC") else schema.CODED
                degraded = files.get(_name(cell.link))
                absent = None if degraded else "the page links no file"
                reading.rate(Stimulus(item, codec, role, None, reference, degraded, absent), None, cell.text, where)
        if not reading.ratings:
            raise UserError(f"{page}: has no table of results under the heading {SECTION!r}")
        return reading


def _name(link: str) -> str:
    """The path of a linked file relative to the page; empty for a link to anything else, such as another server."""
    try:
        parts = urlsplit(link.strip())
        name = PurePosixPath(unquote(parts.path))
    except ValueError:
        return ""
    return str(name) if not parts.scheme and not parts.netloc and not name.is_absolute() and name.name else ""


@dataclass
class _Cell:
    text: str = ""
    link: str = ""


@dataclass
class _Page(HTMLParser):
    """Collects the rows of data cells between the section's heading and the next."""

    html: str
    rows: list[list[_Cell]] = field(default_factory=list)
    heading: str | None = None
    inside: bool = False

    def __post_init__(self) -> None:
        super().__init__()
        self.row: list[_Cell] | None = None
        self.feed(self.html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in HEADINGS:
            self.inside, self.heading = False, ""
        elif self.inside and tag == "tr":
            self._end_row()  # old pages omit the end tag
            self.row = []
        elif self.row is not None and tag == "td":
            self.row.append(_Cell())
        elif self.row and tag == "a" and not self.row[-1].link:
            self.row[-1].link = dict(attrs).get("href") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag in HEADINGS:
            self.inside, self.heading = SECTION in (self.heading or ""), None
        elif tag in {"tr", "table"}:
            self._end_row()

    def _end_row(self) -> None:
        if self.row:  # a row of header cells is empty
            self.rows.append(self.row)
        self.row = None

    def handle_data(self, data: str) -> None:
        if self.heading is not None:
            self.heading += data
        elif self.row:
            self.row[-1].text += data.strip()
