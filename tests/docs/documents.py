"""The documents, cut into what tests ask of: blocks, table rows, links, names."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
CLIENT_README = ROOT / "client" / "README.md"
DOCS = ROOT / "docs"
DECISIONS = DOCS / "decisions"

_BLOCK = re.compile(
    r"(?:^<!-- (?P<marker>[^\n]*) -->\n)?"
    r"^```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Block:
    """A fenced block; marker: what the comment above it says, or nothing."""

    document: Path
    line: int
    marker: str
    language: str
    text: str

    @property
    def place(self) -> str:
        """Where it stands, for people."""
        return f"{self.document.relative_to(ROOT)}:{self.line}"


def documents() -> list[Path]:
    """Return all documents that people read."""
    return [README, CLIENT_README, *sorted(DOCS.rglob("*.md"))]


def read(document: Path) -> str:
    """Return a document's text."""
    return document.read_text("utf-8")


def prose(document: Path) -> str:
    """Return a document's text without its fenced blocks."""
    return _BLOCK.sub("", read(document))


def blocks(document: Path) -> Iterator[Block]:
    """Return the fenced blocks of a document, in order."""
    text = read(document)
    for match in _BLOCK.finditer(text):
        yield Block(
            document=document,
            line=text.count("\n", 0, match.start("language")) + 1,
            marker=match["marker"] or "",
            language=match["language"],
            text=match["text"],
        )


def rows(document: Path) -> list[list[str]]:
    """Return the cells of all table rows of a document."""
    return cells(read(document))


def cells(text: str) -> list[list[str]]:
    """Return the cells of all table rows of a text."""
    return [
        [cell.strip() for cell in line.strip("|").split(" | ")]
        for line in text.splitlines()
        if line.startswith("| ")
    ]


def section(document: Path, heading: str) -> str:
    """Return what stands below one heading, up to the next."""
    found = re.search(
        rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)",
        read(document),
        re.DOTALL | re.MULTILINE,
    )
    assert found is not None, f"{document.name} has no heading {heading!r}"
    return found[1]


def anchors(document: Path) -> set[str]:
    """Return the anchors that a document's headings make."""
    headings = re.findall(r"^#+ (.*)$", prose(document), re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in headings
    }
