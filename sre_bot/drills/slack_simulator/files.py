"""``files.*``, version 2: ask where to upload, upload, then share."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sre_bot.drills.slack_simulator import block_kit, payloads
from sre_bot.drills.slack_simulator.wire import ApiError
from sre_bot.drills.slack_simulator.workspace import File, Message

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sre_bot.drills.slack_simulator.backend import Backend, Method
    from sre_bot.drills.slack_simulator.wire import Arguments, Json


def get_upload_url(backend: Backend, arguments: Arguments) -> Json:
    """``files.getUploadURLExternal``."""
    name = arguments.required("filename")
    if arguments.number("length", 0) <= 0:
        raise ApiError("missing_argument")
    file = File(f"F{len(backend.workspace.files) + 1:04}", name, title=name, alt=arguments.text("alt_txt") or "")
    backend.workspace.files[file.id] = file
    return {"upload_url": f"{backend.base_url}/upload/{file.id}", "file_id": file.id}


def complete_upload(backend: Backend, arguments: Arguments) -> Json:
    """``files.completeUploadExternal``: the files appear in a channel, if one is named, as one post."""
    workspace = backend.workspace
    files = [_titled(backend, item) for item in arguments.json("files") or []]
    if not files:
        raise ApiError("invalid_arguments", ["[ERROR] missing required field: files"])
    blocks = arguments.json("blocks", malformed="invalid_blocks_format") or []
    if any(isinstance(block, dict) and block.get("type") == "markdown" for block in blocks):
        raise ApiError("internal_error")  # so does the real one
    workspace.files |= {file.id: file for file in files}
    if "channel_id" in arguments:
        channel = backend.channel(arguments, "channel_id")
        thread_ts = arguments.text("thread_ts")
        root = workspace.find(channel.id, thread_ts) if thread_ts else None
        post = Message(
            channel=channel.id,
            ts=workspace.next_ts(),
            user=workspace.bot.user_id,
            text=arguments.text("initial_comment") or "",
            by_bot=True,
            thread_ts=root.root_ts if root else None,
            blocks=block_kit.accept(blocks),
            files=tuple(files),
        )
        backend.events_api.posted(workspace.keep(post))
    return {"files": [payloads.file(file) for file in files]}


def _titled(backend: Backend, item: Json) -> File:
    file = backend.workspace.files.get(str(item.get("id")))
    if file is None or not file.content:
        raise ApiError("file_not_found")
    return replace(file, title=str(item.get("title") or file.name))


METHODS: Mapping[str, Method] = {
    "files.completeUploadExternal": complete_upload,
    "files.getUploadURLExternal": get_upload_url,
}
