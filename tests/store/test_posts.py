"""Posts: a key is claimed once, whoever asks, and remembered with the message it became."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sre_bot.store.posts import Posts

if TYPE_CHECKING:
    from sqlalchemy import Engine

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


def test_only_the_first_to_ask_may_post(engine: Engine) -> None:
    posts = Posts(engine)
    assert posts.claim("k:answer", "C1", NOW)
    assert not posts.claim("k:answer", "C1", NOW)
    assert posts.claim("k:status", "C1", NOW)


def test_of_many_at_once_one_may_post(engine: Engine) -> None:
    with ThreadPoolExecutor(8) as pool:
        claims = list(pool.map(lambda _: Posts(engine).claim("k", "C1", NOW), range(16)))
    assert sorted(claims) == [False] * 15 + [True]


def test_a_posts_message_is_unknown_until_it_is_noted(engine: Engine) -> None:
    posts = Posts(engine)
    assert posts.ts("k") is None
    posts.claim("k", "C1", NOW)
    assert posts.ts("k") is None
    posts.posted("k", "1700000000.000100")
    assert Posts(engine).ts("k") == "1700000000.000100"
