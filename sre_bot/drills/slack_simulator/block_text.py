"""Blocks and mrkdwn as plain text, roughly as a person sees them in the Slack client."""

from __future__ import annotations

import html
import itertools
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sre_bot.drills.slack_simulator.wire import Json

_RULE = "─" * 40
_MARKUP = re.compile(r"<([^<>|]+)(?:\|([^<>]*))?>")
_MARKDOWN_LINK = re.compile(r"\[([^\]]+)\]\((\S+?)\)")


class BlockText:
    """Turns blocks into lines.

    Args:
        name_of: what people call the user or channel of an id.
    """

    def __init__(self, name_of: Callable[[str], str]) -> None:
        self._name_of = name_of
        self._renderers: dict[str, Callable[[Json], list[str]]] = {
            "actions": lambda block: self._buttons(block["elements"]),
            "container": self._container,
            "context": self._context,
            "context_actions": lambda block: [line for one in block["elements"] for line in self._feedback(one)],
            "divider": lambda _: [_RULE],
            "header": self._header,
            "markdown": lambda block: _MARKDOWN_LINK.sub(r"\1 <\2>", block["text"]).splitlines(),
            "rich_text": lambda block: [line for element in block["elements"] for line in self._rich(element)],
            "section": self._section,
            "table": lambda block: [" | ".join(self._text(cell) for cell in row) for row in block["rows"]],
        }

    def mrkdwn(self, text: str) -> str:
        """Message text with links as ``title <url>``, mentions as names, and Slack's escapes undone."""
        return html.unescape(_MARKUP.sub(self._markup, text))

    def lines(self, blocks: Sequence[Json]) -> list[str]:
        """All blocks, one after the other."""
        return [line for block in blocks for line in self._block(block)]

    def _markup(self, match: re.Match[str]) -> str:
        target, label = match.group(1), match.group(2)
        sign, rest = target[0], target[1:]
        if sign in "@#":
            return sign + (label or self._name_of(rest))
        if sign == "!":
            return label or f"@{rest.partition('^')[0]}"
        return f"{label} &lt;{target}&gt;" if label else target

    def _block(self, block: Json) -> list[str]:
        render = self._renderers.get(block["type"], self._other)
        return render(block)

    def _header(self, block: Json) -> list[str]:
        title = self._text(block["text"])
        return ["", title, "─" * len(title)]

    def _section(self, block: Json) -> list[str]:
        body = self._text(block["text"]).splitlines() if "text" in block else []
        return [*body, *self._columns(block.get("fields", [])), *self._buttons([block.get("accessory", {})])]

    def _context(self, block: Json) -> list[str]:
        return ["· " + "  ·  ".join(self._text(element) for element in block["elements"])]

    def _container(self, block: Json) -> list[str]:
        title = self._text(block.get("rich_text_title") or block["title"])
        subtitle = f"  {self._text(block['subtitle'])}" if "subtitle" in block else ""
        arrow = "▸" if block.get("default_collapsed") else "▾"
        return [f"{arrow} {title}{subtitle}", *(f"  {line}".rstrip() for line in self.lines(block["child_blocks"]))]

    def _other(self, block: Json) -> list[str]:
        return [self._text(block["text"] if isinstance(block.get("text"), dict) else block)]

    def _text(self, item: Json) -> str:
        """A text object, or the words that stand in for something else."""
        match item:
            case {"type": "mrkdwn", "text": text}:
                return self.mrkdwn(text)
            case {"type": "image", "alt_text": alt}:
                return f"[image: {alt}]"
            case {"type": "rich_text", "elements": elements}:
                return " ".join(line for element in elements for line in self._rich(element))
        return str(item["text"]) if "text" in item else f"[{item.get('type')}]"

    def _columns(self, fields: Sequence[Json]) -> list[str]:
        cells = [self._text(field).splitlines() for field in fields]
        width = max((len(line) for cell in cells[::2] for line in cell), default=0)
        rows = itertools.zip_longest(cells[::2], cells[1::2], fillvalue=list[str]())
        pairs = (pair for left, right in rows for pair in itertools.zip_longest(left, right, fillvalue=""))
        return [f"{left:<{width}}   {right}".rstrip() for left, right in pairs]

    def _buttons(self, elements: Sequence[Json]) -> list[str]:
        labels = [self._text(element["text"]) for element in elements if element.get("type") == "button"]
        return ["  ".join(f"[ {label} ]" for label in labels)] if labels else []

    def _feedback(self, element: Json) -> list[str]:
        return self._buttons([{"type": "button"} | element[name] for name in ("positive_button", "negative_button")])

    def _rich(self, element: Json) -> list[str]:
        match element:
            case {"type": "rich_text_list", "elements": items}:
                ordered = element.get("style") == "ordered"
                indent = "  " * element.get("indent", 0)
                lines = (self._rich_line(item["elements"]) for item in items)
                return [f"{indent}{f'{n}.' if ordered else '•'} {line}" for n, line in enumerate(lines, 1)]
            case {"type": "rich_text_quote", "elements": parts}:
                return [f"> {line}" for line in self._rich_line(parts).splitlines()]
            case {"type": "rich_text_preformatted", "elements": parts}:
                return [f"    {line}" for line in self._rich_line(parts).splitlines()]
        return self._rich_line(element.get("elements", [])).splitlines()

    def _rich_line(self, parts: Sequence[Json]) -> str:
        return "".join(self._rich_part(part) for part in parts)

    def _rich_part(self, part: Json) -> str:
        match part:
            case {"type": "link", "url": url}:
                return f"{part['text']} <{url}>" if part.get("text") else url
            case {"type": "user", "user_id": id_}:
                return f"@{self._name_of(id_)}"
            case {"type": "channel", "channel_id": id_}:
                return f"#{self._name_of(id_)}"
            case {"type": "broadcast", "range": range_}:
                return f"@{range_}"
            case {"type": "emoji", "name": name}:
                return f":{name}:"
        return str(part.get("text", ""))
