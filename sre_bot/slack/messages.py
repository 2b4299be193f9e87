"""Slack's messages and people, from its JSON into our words. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from html import unescape
from typing import TYPE_CHECKING, Any

from sre_bot.investigation import Message
from sre_bot.render.recap import without_ids
from sre_bot.render.safe import clean_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

METADATA_TYPE = "sre_bot_post"
"""Type of the message metadata that carries our key, by which a post of unknown outcome is found again."""

MAX_MESSAGE_CHARS = 4_000
MAX_NAME_CHARS = 80

_MARKUP = re.compile(r"<([^<>]*)>")
_STRANGE = ("is_restricted", "is_ultra_restricted", "is_stranger", "is_bot")


@dataclass(frozen=True, slots=True)
class Person:
    """Who wrote a message; ``trusted`` for full members of our own organisation."""

    name: str
    trusted: bool


def plain_text(text: str) -> str:
    """What a person typed, without Slack's markup: links keep their address, mentions their name, entities undone."""
    return clean_text(unescape(_MARKUP.sub(_unmarked, text))).strip()


def _unmarked(found: re.Match[str]) -> str:
    target, _, label = found[1].partition("|")
    if target.startswith("!"):
        return label or f"@{target[1:]}"
    if target.startswith(("@", "#")):
        return f"{target[0]}{label or target[1:]}"
    return f"{label} ({target})" if label else target


def member(profile: Mapping[str, Any], team: str) -> Person:
    """Who a user is, from ``users.info``: guests, bots and members of other organisations are not trusted."""
    shown = profile.get("profile") or {}
    name = shown.get("display_name") or profile.get("real_name") or profile.get("name") or profile.get("id")
    teams = {profile.get("team_id") or team, *((profile.get("enterprise_user") or {}).get("teams") or ())}
    trusted = team in teams and not any(profile.get(flag) for flag in _STRANGE)
    return Person(_name(name), trusted)


def message(wire: Mapping[str, Any], people: Mapping[str, Person]) -> Message:
    """A message of a thread; whoever is not among ``people`` is not trusted.

    In a post of ours the ids of evidence are left out: in the next answer they mean other looks.
    """
    text = plain_text("\n".join(_said(wire)))
    if (wire.get("metadata") or {}).get("event_type") == METADATA_TYPE:
        text = without_ids(text)
    if len(text) > MAX_MESSAGE_CHARS:
        text = f"{text[:MAX_MESSAGE_CHARS]} …({len(text) - MAX_MESSAGE_CHARS} more characters)"
    by = people.get(str(wire.get("user"))) or Person(_bot_name(wire) or "unknown", trusted=False)
    if wire.get("bot_id"):
        by = Person(_bot_name(wire) or by.name, trusted=False)
    return Message(by.name, text, datetime.fromtimestamp(float(wire["ts"]), UTC), by.trusted)


def spoken(wire: Mapping[str, Any]) -> str:
    """What a message says, as on the wire."""
    return "\n".join(filter(None, _said(wire))).strip()[:MAX_MESSAGE_CHARS]


def said_by(wire: Mapping[str, Any]) -> str:
    """Who wrote a message, as on the wire: a mention of a person, the name of a program."""
    return _bot_name(wire) or (f"<@{wire['user']}>" if wire.get("user") else "a program")


def _said(wire: Mapping[str, Any]) -> Iterator[str]:
    """Its text; programs (an Alertmanager, say) often put theirs into attachments or blocks instead."""
    if text := str(wire.get("text") or ""):
        yield text
    attachments = [one for one in wire.get("attachments") or () if not one.get("from_url")]  # that is a preview
    for attached in attachments:
        parts = [attached.get(key) for key in ("pretext", "title", "text")]
        yield "\n".join(str(part) for part in parts if part) or str(attached.get("fallback") or "")
    if not text and not attachments:
        for block in wire.get("blocks") or ():
            inner = block.get("text")
            yield str(inner.get("text") or "") if isinstance(inner, dict) else ""


def _bot_name(wire: Mapping[str, Any]) -> str:
    return _name(wire.get("username") or (wire.get("bot_profile") or {}).get("name"))


def _name(name: object) -> str:
    return clean_text(str(name or "")).replace("\n", " ")[:MAX_NAME_CHARS]
