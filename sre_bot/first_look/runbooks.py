"""The runbooks of what fires, where they are among the configured documents."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from sre_bot.incident import AlertState
from sre_bot.tools.search_docs import MAX_URL, observation
from sre_bot.tools.text import passage

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from sre_bot.first_look.asking import Asking
    from sre_bot.incident import Alert
    from sre_bot.investigation import Observation
    from sre_bot.tools.docs import Documents, Found

MAX_RUNBOOKS, MAX_TEXT = 2, 2_000
"""So many are read, and so many characters of each passed on."""


async def read_runbooks(
    documents: Documents | None,
    at: datetime,
    alerts: Collection[asyncio.Task[Sequence[Alert] | None]],
    asking: Asking,
) -> Mapping[str, Observation]:
    """What the addresses that firing alerts give lead to, by address; nothing is opened but known documents."""
    if documents is None:
        return {}
    known = sorted(await asking.soon(alerts), key=lambda alert: alert.started_at)
    told = (one.annotations.get("runbook_url", "").strip() for one in known if one.state is AlertState.FIRING)
    urls = [url for url in dict.fromkeys(told) if 0 < len(url) <= MAX_URL][:MAX_RUNBOOKS]
    asked = (asking.ask(documents.name, documents.resolve(url, at), None) for url in urls)
    found = zip(urls, await asyncio.gather(*asked), strict=True)
    return {url: _told(one, at) for url, one in found if one is not None and one.passages}


def _told(found: Found, at: datetime) -> Observation:
    told = observation("", found, None, at)
    return replace(told, content=passage(told.content, MAX_TEXT))
