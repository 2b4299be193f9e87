"""Ten posts as they are to look. ``python -m tests.slack.golden`` writes them anew, and tells how large they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from sre_bot.slack.blocks import answer_post
from tests.render import sample_answers as samples
from tests.render.further_answers import TEN

if TYPE_CHECKING:
    from sre_bot.slack.blocks import Post

FOLDER = Path(__file__).parent


def posts() -> dict[str, Post]:
    """The posts by the name of the file that each is kept in."""
    return {
        name.replace(" ", "-").replace("'", ""): answer_post(answer, allowed_hosts=samples.HOSTS)
        for name, answer in TEN.items()
    }


def written(post: Post) -> str:
    """The post as its file has it."""
    details = post.details.blocks if post.details else []
    shown = {"text": post.text, "blocks": post.blocks, "plain_blocks": post.plain_blocks, "details": details}
    return json.dumps(shown, indent=1, ensure_ascii=False) + "\n"
