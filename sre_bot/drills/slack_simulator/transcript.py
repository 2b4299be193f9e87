"""A conversation as a person would read it in the Slack client, in plain text for a terminal."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sre_bot.drills.slack_simulator.block_text import BlockText

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sre_bot.drills.slack_simulator.workspace import Message, Workspace

_REPLY_INDENT = "    "


def transcript(workspace: Workspace, messages: Iterable[Message]) -> str:
    """Who said what when (UTC), replies indented, edits marked; blocks take the place of text, as they do in Slack."""
    return "\n\n".join("\n".join(_message(workspace, message)) for message in messages)


def _message(workspace: Workspace, message: Message) -> list[str]:
    app = " [app]" if message.by_bot else ""
    clock = datetime.fromtimestamp(float(message.ts), UTC)
    lines = [f"{workspace.name_of(message.user)}{app}  {clock:%H:%M}", *_body(workspace, message)]
    indent = _REPLY_INDENT if message.thread_ts else ""
    return [f"{indent}{line}".rstrip() for line in lines]


def _body(workspace: Workspace, message: Message) -> list[str]:
    blocks = BlockText(workspace.name_of)
    lines = blocks.lines(message.blocks) if message.blocks else blocks.mrkdwn(message.text).splitlines()
    if message.edited_ts:
        lines = [*lines[:-1], f"{lines[-1] if lines else ''} (edited)".lstrip()]
    lines += [f"[file: {file.title}]" for file in message.files]
    names = dict.fromkeys(name for name, _ in message.reactions)
    if names:
        counts = (sum(other == name for other, _ in message.reactions) for name in names)
        lines.append("  ".join(f":{name}: {count}" for name, count in zip(names, counts, strict=True)))
    return lines
