"""The small part of Slack's mrkdwn that our posts use, as HTML."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING

from sre_bot.render.safe import clean_text, is_allowed

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_TOKEN = re.compile(
    r"```(?P<fence>.+?)```|`(?P<code>[^`\n]+)`"
    r"|<(?P<target>!date\^[^<>|\n]+|[^<>|\s]+)(?:\|(?P<label>[^<>\n]*))?>",
    re.DOTALL,
)
_HELD = re.compile("\ue000([0-9]+)\ue001")
_BOLD = re.compile(r"(?<![\w*])\*(?! )([^*\n]+)(?<! )\*(?![\w*])")
_ITALIC = re.compile(r"(?<![\w_])_(?! )([^_\n]+)(?<! )_(?![\w_])")
_PICTURES = {":zap:": "⚡", ":warning:": "⚠️", ":information_source:": "ℹ️"}
_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))
_BULLET = "• "


def mrkdwn_lines(text: str, allowed_hosts: Collection[str], people: Mapping[str, str]) -> list[str]:
    """Posted text as HTML paragraphs, one a line: bold, italic, code, bullets, mentions, and links to allowed hosts.

    Of dates, which Slack shows by the reader's clock, it shows the fallback.

    Args:
        text: mrkdwn as Slack keeps it, with ``&``, ``<`` and ``>`` escaped.
        allowed_hosts: the hosts that links may lead to; other addresses are shown as code.
        people: names by user id.
    """
    held: list[str] = []

    def hold(found: re.Match[str]) -> str:
        held.append(_token(found, allowed_hosts, people))
        return f"\ue000{len(held) - 1}\ue001"

    text = clean_text(text).replace("\ue000", "").replace("\ue001", "")
    body = escape(_plain(_TOKEN.sub(hold, text)))
    for name, picture in _PICTURES.items():
        body = body.replace(name, picture)
    body = _ITALIC.sub(r"<em>\1</em>", _BOLD.sub(r"<strong>\1</strong>", body))
    return [_line(_HELD.sub(lambda found: held[int(found[1])], line)) for line in body.split("\n")]


def _line(line: str) -> str:
    if line.startswith(_BULLET):
        return f'<p class="bullet">{line.removeprefix(_BULLET)}</p>'
    return f"<p>{line}</p>" if line.strip() else '<p class="gap"></p>'


def _token(found: re.Match[str], allowed_hosts: Collection[str], people: Mapping[str, str]) -> str:
    if found["fence"]:
        return f'<code class="fence">{escape(_plain(found["fence"].strip()))}</code>'
    if found["code"]:
        return f"<code>{escape(_plain(found['code']))}</code>"
    target, label = _plain(found["target"]), _plain(found["label"] or "")
    if target.startswith("!date^"):
        return escape(label)
    if target[0] in "@#!":
        name = label or clean_text(people.get(target[1:], "")) or target[1:]
        return f'<span class="mention">{"#" if target[0] == "#" else "@"}{escape(name)}</span>'
    if is_allowed(target, allowed_hosts):
        return f'<a href="{escape(target)}" rel="noopener noreferrer">{escape(label or target)}</a>'
    return f"{escape(label)} <code>{escape(target)}</code>".strip()


def _plain(text: str) -> str:
    for entity, character in _ENTITIES:
        text = text.replace(entity, character)
    return text
