"""The user's pages, taken apart: blocks, tables, links, headings, commands."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.project_kit import ROOT

PAGES: Final = (ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md")))
NAMES: Final = [str(page.relative_to(ROOT)) for page in PAGES]


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, the comment in front of it, its text."""

    language: str
    kind: str | None
    text: str


def page(name: str) -> str:
    """The text of a page."""
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(text: str) -> list[Block]:
    """All fenced blocks."""
    fenced = r"(?:<!-- ([\w.-]+) -->\n)?^```(\w*)\n(.*?)^```$"
    found = re.findall(fenced, text, re.DOTALL | re.MULTILINE)
    return [Block(language, kind or None, body) for kind, language, body in found]


def prose(text: str) -> str:
    """The text without fenced blocks."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)


def codes(text: str) -> list[str]:
    """Everything in backquotes."""
    return re.findall(r"`([^`\n]+)`", prose(text))


def links(text: str) -> list[str]:
    """The targets of all links."""
    return re.findall(r"\]\(([^)\s]+)\)", prose(text))


def anchors(text: str) -> set[str]:
    """The names under which a page's headings can be linked."""
    headings = re.findall(r"^#+ (.+)$", prose(text), re.MULTILINE)
    kept = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in kept}


def rows(name: str, heading: str | None = None, *, header: str) -> list[list[str]]:
    """The rows of the table whose first column is called ``header``, below a heading."""
    text = page(name)
    if heading is not None:
        text = re.split(rf"^#+ {re.escape(heading)}$", text, flags=re.MULTILINE)[1]
    table = text[text.index(f"| {header} |") :].split("\n\n", 1)[0]
    cells = [line.strip("|").split("|") for line in table.strip().splitlines()[2:]]
    return [[cell.strip() for cell in row] for row in cells]


def names_in(cell: str) -> list[str]:
    """What stands in backquotes in a cell."""
    return re.findall(r"`([^`]+)`", cell)


def commands(text: str) -> Iterator[str]:
    """Every command line of stagerun on a page, without the prompt and what reads its output."""
    for block in blocks(text):
        for line in block.text.splitlines():
            if line.startswith("$ stagerun "):
                yield line.removeprefix("$ ").partition(" | ")[0]
            elif block.language == "crontab":
                yield "stagerun " + line.split("/stagerun ")[1]
    for code in codes(text):
        if code.startswith("stagerun "):
            yield code


def steps(text: str) -> list[tuple[str, str]]:
    """The commands of a block, each with what it prints."""
    parts = re.split(r"^\$ (.*)\n", text, flags=re.MULTILINE)[1:]
    return list(zip(parts[::2], parts[1::2], strict=True))


def lasting(text: str) -> list[str]:
    """The lines without what differs from run to run: durations, sizes, run ids, blanks."""
    text = re.sub(r"\d{8}-\d{4}-[0-9a-f]{4}", "RUN", text)
    text = re.sub(r"\d[\d:.]* (s|[kMG]?B)\b", "", text)
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def exists(target: str, source: Path) -> bool:
    """Whether a link leads to a file of the checkout, and to a heading of it."""
    name, _, anchor = target.partition("#")
    path = source.parent / name if name else source
    return path.is_file() and (not anchor or anchor in anchors(path.read_text(encoding="utf-8")))
