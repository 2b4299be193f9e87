"""``chat.*``: posting, editing and deleting, and what goes through a response_url."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sre_bot.drills.slack_simulator import block_kit, payloads
from sre_bot.drills.slack_simulator.wire import ApiError, Arguments, Json
from sre_bot.drills.slack_simulator.workspace import Message

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sre_bot.drills.slack_simulator.backend import Backend, Method
    from sre_bot.drills.slack_simulator.workspace import Channel

MAX_TEXT_OF_POST = 40_000
MAX_TEXT_OF_UPDATE = 4_000


@dataclass(frozen=True, slots=True)
class Content:
    """What a post says; None where the caller sent nothing."""

    text: str | None
    blocks: tuple[Json, ...] | None
    attachments: tuple[Json, ...] | None
    metadata: Json | None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to show."""
        return not (self.text or self.blocks or self.attachments)


def read_content(arguments: Arguments, max_text: int) -> Content:
    """Take the content from a call. Raises ApiError when Slack would not take it."""
    text = arguments.text("text")
    blocks = arguments.json("blocks", malformed="invalid_blocks_format")
    markdown = arguments.text("markdown_text")
    if markdown is not None:
        if text is not None or blocks is not None:
            raise ApiError("markdown_text_conflict")
        blocks = [{"type": "markdown", "text": markdown}]
        max_text = block_kit.MAX_MARKDOWN
    if len(text or markdown or "") > max_text:
        raise ApiError("msg_too_long")
    attachments = arguments.json("attachments", malformed="invalid_attachments")
    return Content(
        text=markdown if text is None else text,
        blocks=None if blocks is None else block_kit.accept(blocks),
        attachments=None if attachments is None else tuple(attachments),
        metadata=_metadata(arguments),
    )


def _metadata(arguments: Arguments) -> Json | None:
    metadata = arguments.json("metadata", malformed="invalid_metadata_format")
    if metadata is None:
        return None
    if not isinstance(metadata, dict) or (metadata and not {"event_type", "event_payload"} <= metadata.keys()):
        raise ApiError("invalid_metadata_format")
    return metadata


def post_message(backend: Backend, arguments: Arguments) -> Json:
    """``chat.postMessage``."""
    post = _new_post(backend, backend.channel(arguments), arguments)
    backend.workspace.keep(post)
    backend.workspace.statuses.pop((post.channel, post.root_ts), None)
    backend.events_api.posted(post)
    return {"channel": post.channel, "ts": post.ts, "message": payloads.message(backend.workspace, post)}


def post_ephemeral(backend: Backend, arguments: Arguments) -> Json:
    """``chat.postEphemeral``: seen by one person, in no history."""
    user = arguments.required("user")
    if user not in backend.workspace.users:
        raise ApiError("user_not_in_channel")
    post = _new_post(backend, backend.channel(arguments), arguments)
    backend.workspace.ephemeral.append(replace(post, visible_to=user))
    return {"message_ts": post.ts}


def _new_post(backend: Backend, channel: Channel, arguments: Arguments) -> Message:
    content = read_content(arguments, MAX_TEXT_OF_POST)
    if content.is_empty:
        raise ApiError("no_text")
    return Message(
        channel=channel.id,
        ts=backend.workspace.next_ts(),
        user=backend.workspace.bot.user_id,
        text=content.text or "",
        by_bot=True,
        thread_ts=_thread(backend, channel, arguments.text("thread_ts")),
        blocks=content.blocks or (),
        attachments=content.attachments or (),
        metadata=content.metadata,
    )


def _thread(backend: Backend, channel: Channel, thread_ts: str | None) -> str | None:
    """The thread a reply lands in.

    A reply to a message that is gone is not refused: it appears in the channel, and only its answer, which lacks
    ``thread_ts``, tells (https://github.com/slack-go/slack/issues/1571).
    """
    root = backend.workspace.find(channel.id, thread_ts) if thread_ts else None
    return root.root_ts if root else None


def update(backend: Backend, arguments: Arguments) -> Json:
    """``chat.update``: text alone replaces the blocks and shows as edited, blocks do not show as edited."""
    workspace = backend.workspace
    before = _own(backend, arguments, "cant_update_message")
    content = read_content(arguments, MAX_TEXT_OF_UPDATE)
    if content.is_empty:
        raise ApiError("no_text")
    text_only = content.text is not None and not content.blocks
    after = replace(
        before,
        text=before.text if content.text is None else content.text,
        blocks=before.blocks if content.text is None and content.blocks is None else content.blocks or (),
        attachments=before.attachments if content.attachments is None else content.attachments,
        metadata=before.metadata if content.metadata is None else content.metadata,
        edited_ts=workspace.next_ts() if text_only else before.edited_ts,
    )
    workspace.keep(after)
    backend.events_api.changed(before, after)
    message = payloads.message(workspace, after)
    return {"channel": after.channel, "ts": after.ts, "text": after.text, "message": message}


def delete(backend: Backend, arguments: Arguments) -> Json:
    """``chat.delete``."""
    message = _own(backend, arguments, "cant_delete_message")
    backend.workspace.delete(message)
    backend.events_api.deleted(message)
    return {"channel": message.channel, "ts": message.ts}


def _own(backend: Backend, arguments: Arguments, refusal: str) -> Message:
    message = backend.message(backend.channel(arguments), arguments.required("ts"))
    if not message.by_bot:
        raise ApiError(refusal)
    return message


def get_permalink(backend: Backend, arguments: Arguments) -> Json:
    """``chat.getPermalink``."""
    channel = backend.channel(arguments)
    message = backend.message(channel, arguments.required("message_ts"))
    link = f"{backend.base_url}/archives/{channel.id}/p{message.ts.replace('.', '')}"
    if message.thread_ts:
        link += f"?thread_ts={message.thread_ts}&cid={channel.id}"
    return {"channel": channel.id, "permalink": link}


def respond(backend: Backend, origin: Message, arguments: Arguments) -> None:
    """What an app sends to the response_url of a command or a click that came from ``origin``. Raises ApiError.

    ``origin`` is the message clicked on, or an unposted one that says where, and by whom, a command was given.
    """
    workspace = backend.workspace
    clicked_on = workspace.find(origin.channel, origin.ts)
    shown = [one for one in workspace.ephemeral if (one.channel, one.ts) == (origin.channel, origin.ts)]
    if (clicked_on or shown) and arguments.flag("delete_original"):
        workspace.ephemeral = [one for one in workspace.ephemeral if one not in shown]
        if clicked_on:
            workspace.delete(clicked_on)
        return
    post = _new_post(backend, workspace.channels[origin.channel], arguments)
    if shown and arguments.flag("replace_original"):
        fresh = replace(shown[0], text=post.text, blocks=post.blocks, attachments=post.attachments)
        workspace.ephemeral[workspace.ephemeral.index(shown[0])] = fresh
    elif clicked_on and arguments.flag("replace_original"):
        workspace.keep(replace(clicked_on, text=post.text, blocks=post.blocks, attachments=post.attachments))
    elif arguments.text("response_type") == "in_channel":
        workspace.keep(post)
    else:
        workspace.ephemeral.append(replace(post, visible_to=origin.visible_to))


METHODS: Mapping[str, Method] = {
    "chat.delete": delete,
    "chat.getPermalink": get_permalink,
    "chat.postEphemeral": post_ephemeral,
    "chat.postMessage": post_message,
    "chat.update": update,
}
