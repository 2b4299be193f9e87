"""Writes the ten posts and tells how large they are."""

from __future__ import annotations

from sre_bot.slack.limits import size
from tests.slack.golden import FOLDER, posts, written

for name, post in posts().items():
    (FOLDER / f"{name}.json").write_text(written(post), encoding="utf-8")
    whole, first = size(post.blocks), size(post.plain_blocks)
    print(  # noqa: T201 - telling is what the command is for
        f"{name:<18} {whole.blocks:>3} blocks {whole.characters:>6} characters; "
        f"first screen {first.blocks:>2} blocks {first.characters:>5} characters"
    )
