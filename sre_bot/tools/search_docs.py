"""The tool ``search_docs``: runbooks and other documents, found by words or by the address an alert gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sre_bot.errors import BadInputError
from sre_bot.investigation import Link, Observation
from sre_bot.redaction import Redactor
from sre_bot.signals.changes import span
from sre_bot.tools.gathering import missing, unseen
from sre_bot.tools.text import passage, quoted
from sre_bot.tools.tool import Arguments, Tool

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sre_bot.tools.docs import Documents, Found, Passage

MAX_SECTIONS = 5
MAX_SECTION, MAX_RUNBOOK = 1_500, 6_000
"""Characters of a section that was found, and of a runbook that was named."""
MAX_QUERY, MAX_URL = 500, 2_000
_REDACTOR = Redactor()

DESCRIPTION = (
    "Find runbooks, architecture notes and postmortems of this team, by section. Give an alert's runbook_url to read "
    "its runbook, or a query in the words a runbook would use. They say what is known and usual, not what happens "
    "now, and may be outdated: check them against metrics."
)


class DocArguments(Arguments):
    """Arguments of ``search_docs``."""

    query: str | None = None
    runbook_url: str | None = None


def search_docs(documents: Documents) -> Tool[DocArguments]:
    """The tool over all documents."""

    async def ask(arguments: DocArguments, at: datetime) -> Observation:
        query, url = (arguments.query or "").strip(), (arguments.runbook_url or "").strip()
        _check(query, url)
        runbooks = await documents.resolve(url, at) if url else None
        found = await documents.search(query, at, MAX_SECTIONS) if query else None
        return observation(query, runbooks, found, at)

    return Tool("search_docs", DESCRIPTION, DocArguments, ask, (documents.name,))


def _check(query: str, url: str) -> None:
    if not query and not url:
        raise BadInputError("give a query, a runbook_url, or both")
    if len(query) > MAX_QUERY or len(url) > MAX_URL:
        raise BadInputError(f"a query has at most {MAX_QUERY} characters, a runbook_url {MAX_URL}")


def observation(query: str, runbooks: Found | None, found: Found | None, at: datetime) -> Observation:
    """What was found for a query, and what the address of a runbook leads to; each None when it was not asked for."""
    failures = [error for answer in (runbooks, found) if answer for error in answer.failures]
    read = runbooks.passages if runbooks else ()
    others = [one for one in found.passages if not _is_among(one, read)] if found else []
    parts = list(unseen(failures))
    if runbooks is not None:
        parts += _runbook(read, at)
    if found is not None:
        parts += [f"{len(others)} sections{' besides' if read else ''} for {quoted(query, 100)}, best first:"]
        parts += [_told(one, at, MAX_SECTION) for one in others]
        parts += [] if others else ["Try other words."]
        parts += [found.note] if found.note else []
    shown = [*read, *others]
    return Observation(_summary(shown), "\n".join(parts), missing=missing(failures), links=_links(shown))


def _runbook(read: Sequence[Passage], at: datetime) -> list[str]:
    if not read:
        return ["No document is known for this runbook_url; search by words instead. Addresses are never opened."]
    several = len(read) > 1
    said = ["Several documents may be meant by this runbook_url:"] if several else []
    return [*said, *(_told(one, at, MAX_RUNBOOK // len(read)) for one in read)]


def _is_among(one: Passage, read: Sequence[Passage]) -> bool:
    """Whether a section was shown with the runbook."""
    return any((one.collection, one.path) == (other.collection, other.path) for other in read)


def _told(one: Passage, at: datetime, room: int) -> str:
    """A section: where it stands, how old it is, and its text where it fits best."""
    whole = _REDACTOR.redact(one.text)  # before it is cut: half a secret is not known for one
    start = whole.rfind("\n", 0, one.best + 1) + 1 if len(whole) > room else 0
    text = passage(whole[start:], room) if whole.strip() else "(no text under this heading)"
    begins = "…\n" if start else ""
    return f"## {_where(one)}{_age(one, at)}\n{begins}{text}"


def _where(one: Passage) -> str:
    headings = quoted(" › ".join(one.headings), 200)
    return f"{quoted(one.collection, 60)}: {quoted(one.path, 200)}" + (f" › {headings}" if headings else "")


def _age(one: Passage, at: datetime) -> str:
    if one.changed is None:
        return ""
    if one.changed > at:
        return f" (changed {one.changed:%Y-%m-%d %H:%M}Z, after the present of this investigation)"
    return f" (changed {one.changed:%Y-%m-%d}, {span(at - one.changed)} ago)"


def _summary(shown: Sequence[Passage]) -> str:
    if not shown:
        return "Documents: nothing found"
    more = f" and {len(shown) - 1} more" if len(shown) > 1 else ""
    return f"Documents: {_where(shown[0])}{more}"


def _links(shown: Sequence[Passage]) -> tuple[Link, ...]:
    links = {one.url: Link(quoted(one.path, 80), one.url) for one in shown if one.url}
    return tuple(links.values())
