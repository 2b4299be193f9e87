"""Markdown as its sections: what stands under each heading, as a reader of the rendered page would see it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAX_SECTIONS = 1_000
"""Of a document with more headings the rest is one long section."""
_MAX_HEADING = 200
_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()]*\)")
_NOT_IN_ANCHOR = re.compile(r"[^\w\- ]")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_INDENT = 4
"""Spaces that make a line code, whatever it begins with."""


@dataclass(frozen=True, slots=True)
class Section:
    """Text under one heading, without that of the headings below it.

    Attributes:
        headings: the heading and those above it, outermost first; empty for what stands before the first.
        anchor: how an address points to it, as Git hosts make it; "" when there is no heading.
        text: what stands there, without HTML comments, which no reader sees.
    """

    headings: tuple[str, ...]
    anchor: str
    text: str

    @property
    def level(self) -> int:
        """How deep it stands, 0 for what has no heading."""
        return len(self.headings)


def sections(text: str) -> Sequence[Section]:
    """The sections of a document that hold a heading or any text, in order; headings in code are none."""
    found: list[Section] = []
    above: list[tuple[int, str]] = []
    anchors: dict[str, int] = {}
    anchor, body = "", list[str]()

    def finish() -> None:
        content = "\n".join(body).strip("\n")
        if above or content.strip():
            found.append(Section(tuple(title for _, title in above), anchor, content))

    for line, level in _lines(text):
        if level and len(found) < MAX_SECTIONS - 1:
            finish()
            above = [(depth, title) for depth, title in above if depth < level]
            above.append((level, _plain(line)))
            anchor, body = _anchor(above[-1][1], anchors), []
        else:
            body.append(line)
    finish()
    return found


def _lines(text: str) -> Iterator[tuple[str, int]]:
    """Text and heading level (0: none) of each line a reader sees."""
    fence, hidden = "", False
    held: str | None = None  # a line that the next one may underline
    for raw in _body(text):
        line = raw
        if not fence:
            line, hidden = _visible(raw, hidden=hidden)
            underline = _underlines(line)
            if held and underline:
                yield held, underline
                held = None
                continue
        if held:
            yield held, 0
            held = None
        fence = _fence(line, fence)
        level = 0 if fence else _level(line)
        if fence or level or not line.strip() or line.startswith((" " * _INDENT, "\t", "|", ">", "-", "*", "`", "~")):
            yield line, level
        else:
            held = line
    if held:
        yield held, 0


def _body(text: str) -> Sequence[str]:
    """The lines behind the front matter."""
    lines = text.splitlines()
    first = 0
    if lines and lines[0].rstrip() == "---":
        end = next((i for i, line in enumerate(lines[1:200], start=1) if line.rstrip() in {"---", "..."}), None)
        first = 0 if end is None else end + 1
    return lines[first:]


def _visible(line: str, *, hidden: bool) -> tuple[str, bool]:
    """The line without HTML comments, and whether one goes on behind it."""
    kept = []
    while line:
        before, mark, line = line.partition("-->" if hidden else "<!--")
        kept += [] if hidden else [before]
        hidden ^= bool(mark)
    return "".join(kept), hidden


def _fence(line: str, fence: str) -> str:
    """The fence that is open behind this line, "" when none is."""
    found = _FENCE.match(line)
    if not fence:
        return found[1] if found and not ("`" in found[1] and "`" in line[found.end() :]) else ""
    closes = found and found[1].startswith(fence) and not line[found.end() :].strip()
    return "" if closes else fence


def _level(line: str) -> int:
    """The level of a heading that begins with number signs, 0 for any other line."""
    bare = line.lstrip(" ")
    level = len(bare) - len(bare.lstrip("#"))
    is_heading = 1 <= level <= 6 and bare[level : level + 1] in {"", " ", "\t"}  # noqa: PLR2004 - as HTML has them
    return level if is_heading and len(line) - len(bare) < _INDENT else 0


def _underlines(line: str) -> int:
    bare = line.strip()
    if line.startswith(" " * _INDENT) or not bare or set(bare) not in ({"="}, {"-"}):
        return 0
    return 1 if bare[0] == "=" else 2


def _plain(line: str) -> str:
    """A heading without its markup."""
    bare = line.strip()
    if _level(line):
        bare = bare.lstrip("#").strip()
        inner = bare.rstrip("#")
        bare = inner.rstrip() if not inner or inner != inner.rstrip() else bare
    return _LINK.sub(r"\1", bare[: 4 * _MAX_HEADING]).replace("`", "").replace("**", "")[:_MAX_HEADING].strip()


def _anchor(title: str, taken: dict[str, int]) -> str:
    bare = _NOT_IN_ANCHOR.sub("", title.lower()).replace(" ", "-")
    taken[bare] = taken.get(bare, -1) + 1
    return f"{bare}-{taken[bare]}" if taken[bare] else bare
