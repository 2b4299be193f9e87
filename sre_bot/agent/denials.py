"""What a claim denies, compares or calls so without a number: no errors, more than another, set to false. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sre_bot.agent.lines import WHENEVER
from sre_bot.agent.series import Role, Way, roles, way

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sre_bot.agent.exhibits import Exhibit
    from sre_bot.agent.lines import Line
    from sre_bot.agent.quantities import Quantity
    from sre_bot.agent.scope import Scope

_NOT_LOGGED = re.compile(
    r"\bno (?:\w+ )?(error|warning)s?\b(?: lines?)?[^.;]{0,40}\blog|"
    r"\blog(?:s|ged)?\b[^.;]{0,24}\bno (?:\w+ )?(error|warning)s?\b",
    re.IGNORECASE,
)
_LOGGED = re.compile(r"- ([A-Z]{4,8}) (?:new )?(?:×)?[1-9]")
_NO_COMMIT = re.compile(r"\b(?:no|not a single) commits?\b", re.IGNORECASE)
_COMMIT = re.compile(r"\s*- [0-9a-f]{7,40} ")
_DEPLOYED = re.compile(
    r"\b([0-9a-f]{7,40})\b(?: \([^)]*\))? (?:was|is|has been|got|went) (?:already )?"
    r"(?:deployed|rolled out|released|live|out)\b"
)
_COMPARES = re.compile(
    r"\b(?:(?P<more>more|higher|larger|longer|slower|greater|busier|worse)|fewer|less|lower|smaller|shorter|faster)\b"
    r"[^.;,]{0,60}?\bthan (?:that of |those of |the )?(?P<other>[\w.-]*\w)",
    re.IGNORECASE,
)
_ASSIGNED = re.compile(
    r"\b([A-Za-z][\w.-]{2,60}) (?:is|=|was|is set to|was set to) (true|false|on|off)\b", re.IGNORECASE
)
_EVERY = re.compile(r"^(?:both|all|every|each)\b(?! (?:but|except))", re.IGNORECASE)
_FILE = re.compile(r"[\w.-]+(?:/[\w.-]+)+")
_FOUND = re.compile(r" {1,8}(\d{1,6})[:-] ")
_OPENED = re.compile(r", ([\w./-]{1,120}), lines \d{1,6} to \d{1,6} of \d")
_READ = re.compile(r" {0,8}(\d{1,6}):(?: |$)")
_NUMBER = re.compile(r"(?<![\w.:,/-])\d{1,9}(?:\.\d{1,6})?(?![\w:,-])")
_NUMBERED = re.compile(r"\b[Ll]ine (\d{1,6})\b")
_IDENTIFIER = re.compile(r"(?<![\w/.-])[A-Za-z]\w*(?:[._-]\w+)+(?![\w/.-]*/)|\b[A-Za-z]+[a-z][A-Z]\w*")
_SETTING = re.compile(r"(?<![\w/.])[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)+(?![\w./])")
_NONE_MOVED = re.compile(
    r"^(?:no|none|neither)\b[^.;,]{0,60}?\b(?:(?P<up>rose|grew|climbed|increased)|lost|fell|dropped|sank|decreased)\b",
    re.IGNORECASE,
)


def wrong_denial(text: str, scope: Scope) -> str | None:
    """What the evidence has that a clause denies, or has otherwise; None when it says nothing of it."""
    lines = [line for exhibit in scope.exhibits for line in exhibit.lines]
    wrong = (
        _logged(text, lines)
        or _committed(text, lines)
        or _not_deployed(text, lines)
        or _less(text, scope.exhibits)
        or _set_otherwise(text, lines)
        or _moved(text, scope)
        or _none(text, scope)
        or _in_other_file(text, lines)
        or _in_other_line(text, lines)
    )
    return f"{scope.ids} has {wrong}" if wrong else None


def _logged(text: str, lines: Sequence[Line]) -> str | None:
    match = _NOT_LOGGED.search(text)
    level = (match[1] or match[2]).upper() if match else ""
    return f"such lines: {level}" if level and any(_level(line) == level for line in lines) else None


def _level(line: Line) -> str:
    match = _LOGGED.match(line.text)
    return match[1] if match else ""


def _committed(text: str, lines: Sequence[Line]) -> str | None:
    told = _NO_COMMIT.search(text) and any(_COMMIT.match(line.text) for line in lines)
    return "commits" if told else None


def _not_deployed(text: str, lines: Sequence[Line]) -> str | None:
    """A commit that is listed, but under no deploy."""
    match = _DEPLOYED.search(text)
    own = [line for line in lines if match and _COMMIT.match(line.text) and match[1] in line.text]
    return "it undeployed" if own and all(line.text.startswith("-") for line in own) else None


def _less(text: str, exhibits: Sequence[Exhibit]) -> str | None:
    """``api gets more requests than web``, where it gets fewer."""
    match = _COMPARES.search(text)
    for exhibit in exhibits if match else ():
        other = _last(exhibit, match["other"].casefold()) if match else []
        before = {word.casefold() for word in re.findall(r"[\w.-]*\w", text[: match.start()])} if match else set[str]()
        subjects = {value for line in exhibit.lines if line.state in WHENEVER for _, value in line.labels} & before
        own = _last(exhibit, next(iter(subjects))) if len(subjects) == 1 else []
        if match and own and other and own[0].dimension is other[0].dimension:
            more, less = (own[0], other[0]) if match["more"] else (other[0], own[0])
            if more.high < less.low:
                return f"{own[0].text} against {other[0].text}"
    return None


def _last(exhibit: Exhibit, name: str) -> list[Quantity]:
    return [one for line in exhibit.lines if name in line.subjects for role, one in roles(line) if role is Role.LAST]


def _set_otherwise(text: str, lines: Sequence[Line]) -> str | None:
    match = _ASSIGNED.search(text)
    held = list(_values(match[1], lines)) if match else []
    return f"{match[1]} {held[0]}" if match and held and match[2].casefold() not in held else None


def _values(name: str, lines: Sequence[Line]) -> Iterator[str]:
    pattern = re.compile(rf"\b{re.escape(name.casefold())}[\"']?\s?[:=]\s?[\"']?(true|false|on|off)\b")
    yield from (found[1] for line in lines for found in pattern.finditer(line.folded))


def _moved(text: str, scope: Scope) -> str | None:
    match = _NONE_MOVED.search(text)
    went = Way.UP if match and match["up"] else Way.DOWN
    lines = [line for line in scope.own or scope.lines if line.state in WHENEVER]
    return "one that did" if match and any(way(line) is went for line in lines) else None


def _none(text: str, scope: Scope) -> str | None:
    """``Both drop packets``, where one drops none."""
    lines = [line for line in scope.own or scope.lines if line.state in WHENEVER]
    highest = [one for line in lines for role, one in roles(line) if role is Role.HIGH]
    return "one with none" if _EVERY.search(text) and any(one.high == 0 for one in highest) else None


def _found(lines: Sequence[Line]) -> Iterator[tuple[str, int, str]]:
    """The lines of code that a search found: file, number, text."""
    path, numbered = "", _FOUND
    for line in lines:
        if opened := _OPENED.search(line.text):
            path, numbered = opened[1], _READ
        elif _FILE.fullmatch(line.text):
            path, numbered = line.text, _FOUND
        elif path and (match := numbered.match(line.text)):
            yield path, int(match[1]), line.text[match.end() :]


def _in_other_line(text: str, lines: Sequence[Line]) -> str | None:
    """What stands in another line of the code than in that which is numbered."""
    numbered = _NUMBERED.search(text)
    found = list(_found(lines)) if numbered else []
    if numbered is None or not found:
        return None
    named = {path for path, _, _ in found if path in text}
    held = [(number, code) for path, number, code in found if path in named or not named]
    there = [code for number, code in held if number == int(numbered[1])]
    if not there:
        return f"no line {numbered[1]}"
    rest = f"{text[: numbered.start()]} {text[numbered.end() :]}"
    for name in (*_IDENTIFIER.findall(rest), *_NUMBER.findall(rest)):
        whole = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
        others = [number for number, code in held if whole.search(code)]
        if others and not any(whole.search(code) for code in there):
            return f"{name} in line {others[0]}"
    return None


def _in_other_file(text: str, lines: Sequence[Line]) -> str | None:
    """What stands in another of the files that a search found than in the one that is named."""
    files = dict[str, str]()
    for path, _, code in _found(lines):
        files[path] = f"{files.get(path, '')} {code}"
    named = [one for one in files if one in text]
    for name in _SETTING.findall(text) if len(named) == 1 else ():
        others = [one for one, held in files.items() if name in held]
        if others and named[0] not in others:
            return f"{name} in {others[0]}"
    return None
