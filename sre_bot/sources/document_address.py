"""Which document an address means, such as the ``runbook_url`` of an alert; compared, never opened."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_ENDINGS = (".md", ".markdown", ".mdown", ".html", ".htm")
_FOLDER_PAGES = frozenset({"readme", "index", "-index"})
_SPACES = re.compile(r"[ +_]")


@dataclass(frozen=True, slots=True)
class Known:
    """A document: of which collection, its path, and what addresses of that collection begin with, if known."""

    collection: str
    path: str
    prefix: str | None = None


def read_address(url: str, known: Iterable[Known]) -> tuple[Sequence[Known], str]:
    """The documents that an address fits best, equally well, and the anchor it points to.

    A document fits when the address ends in its path, or in the end of its path. ``.md`` or ``.html`` at the end do
    not count, nor does whether a folder's page is named (``x/README.md`` and ``x/`` are one), nor upper case, nor how
    spaces are written. Documents whose collection's address the URL begins with go before all others; then the longer
    common end wins.
    """
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return [], ""
    path = unquote(parts.path)
    asked = _names(path)
    best, fitting = (False, 0), list[Known]()
    for document in known:
        under = _is_under(f"{parts.netloc}{path}", document.prefix)
        common = _common(asked, _names(document.path), under=under)
        fit = (under and common > 0, common)
        if fit > best:
            best, fitting = fit, []
        if common and fit == best:
            fitting.append(document)
    return fitting, unquote(parts.fragment).lower()


def _common(asked: Sequence[str], own: Sequence[str], *, under: bool) -> int:
    """How many names at the ends of both paths agree.

    A page that may be in any folder must agree with its folder, or be that of the collection's top folder.
    """
    common = _agreeing(asked, own)
    if common == 1 and own[-1] in _FOLDER_PAGES and not (under and len(own) == 1):
        common = 0
    return max(common, _agreeing(_without_page(asked), _without_page(own)))


def _agreeing(one: Sequence[str], other: Sequence[str]) -> int:
    common = 0
    while common < min(len(one), len(other)) and one[-1 - common] == other[-1 - common]:
        common += 1
    return common


def _is_under(address: str, prefix: str | None) -> bool:
    if not prefix:
        return False
    parts = urlsplit(prefix)
    bare = f"{parts.netloc}{parts.path}".rstrip("/").removesuffix(".git")
    return address == bare or address.startswith(f"{bare}/")


def _names(path: str) -> Sequence[str]:
    """The names in a path as they are compared."""
    names = [_SPACES.sub("-", name.casefold()) for name in path.split("/") if name and name != "."]
    if names:
        ending = next((ending for ending in _ENDINGS if names[-1].endswith(ending)), "")
        names[-1] = names[-1].removesuffix(ending)
    return names


def _without_page(names: Sequence[str]) -> Sequence[str]:
    return names[:-1] if names and names[-1] in _FOLDER_PAGES else names
