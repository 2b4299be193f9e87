"""The Home tab, and the same in a few lines for ``/sre status``. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sre_bot.render.safe import slack_safe
from sre_bot.render.summary import headline
from sre_bot.slack.feedback import summed
from sre_bot.slack.fitting import fitted, lines
from sre_bot.slack.standing import channel_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sre_bot.investigation import JsonObject
    from sre_bot.slack.standing import Snapshot
    from sre_bot.store.overview import Asked, Spent
    from sre_bot.tools.health import Health

MAX_SECTION, MAX_TEXT, MAX_QUESTION = 2_900, 100, 120
"""Characters: of a section, of what a source says, of a question."""
MAX_ANSWERS = 10
_SIZES = ((1_000_000, "M"), (1_000, "k"))
READ_ONLY = "I look, and change nothing: every source below is only read. Mention me in a channel, or write to me."
NO_MODEL = "no model: the first look is the answer"


def home_view(snapshot: Snapshot) -> JsonObject:
    """The view for ``views.publish``; its limits hold whatever there is to tell."""
    parts = (
        ("What I may do here", [READ_ONLY, f"Model: {_safe(snapshot.model, MAX_TEXT) or NO_MODEL}"]),
        ("Sources", _sources(snapshot.sources) or ["None is configured."]),
        ("Open investigations", _open(snapshot) or ["None."]),
        (
            "Last answers",
            [_answer(one, snapshot) for one in snapshot.latest[:MAX_ANSWERS]] or ["None that you may see."],
        ),
        ("Used today", [_spent(snapshot.spent)]),
    )
    blocks: list[JsonObject] = [block for title, told in parts for block in _part(title, told)]
    blocks.append({"type": "context", "elements": [_mrkdwn(f"as of {_date(snapshot.at)}, kept up to date")]})
    return {"type": "home", "blocks": [*blocks]}


def status_text(snapshot: Snapshot) -> str:
    """How things stand as mrkdwn: what runs, what waits, the sources, the model, what was spent."""
    told = [
        *(_open(snapshot) or ["Nothing is looked into just now."]),
        *(_sources(snapshot.sources) or ["No source is configured."]),
        f"Model: {_safe(snapshot.model, MAX_TEXT) or NO_MODEL}",
        f"Used today: {_spent(snapshot.spent)}",
    ]
    return lines(told, MAX_SECTION)


def _part(title: str, told: Sequence[str]) -> list[JsonObject]:
    heading: JsonObject = {"type": "header", "text": {"type": "plain_text", "text": title, "emoji": False}}
    return [heading, {"type": "section", "text": _mrkdwn(lines(told, MAX_SECTION))}]


def _sources(sources: Sequence[Health]) -> list[str]:
    return [f"{_mark(one)} *{_safe(one.name, MAX_TEXT)}* {_safe(one.sentence, MAX_TEXT)}" for one in sources]


def _mark(one: Health) -> str:
    if not one.works:
        return ":red_circle:"
    return ":large_yellow_circle:" if one.stale else ":large_green_circle:"


def _open(snapshot: Snapshot) -> list[str]:
    shown = [f":mag: {_question(one)}, since {_date(one.asked_at)}" for one in snapshot.running]
    shown += [f":mag: {snapshot.hidden} more where you cannot look"] if snapshot.hidden else []
    shown += [f":hourglass: {snapshot.waiting} waiting for the model to be back"] if snapshot.waiting else []
    return shown


def _answer(one: Asked, snapshot: Snapshot) -> str:
    found = f"*{_safe(headline(one.answer), MAX_QUESTION)}*" if one.answer else ""
    said = summed(snapshot.votes.get(one.key, ()))
    return " · ".join(filter(None, (f"{_question(one)}, {_date(one.asked_at)}", found, said)))


def _question(one: Asked) -> str:
    channel = channel_of(one)
    where = "directly" if channel.startswith("D") else f"in <#{channel}>"
    return f"“{_safe(one.question, MAX_QUESTION)}” {where}"


def _spent(spent: Spent) -> str:
    tokens = f"{_short(spent.input_tokens)} tokens in, {_short(spent.output_tokens)} out"
    answers = f"{spent.investigations} answer{'' if spent.investigations == 1 else 's'}"
    return f"${spent.usd:.2f} for {answers}, {tokens} (since 00:00 UTC, at list prices)"


def _short(count: int) -> str:
    size, unit = next(((size, unit) for size, unit in _SIZES if count >= size), (1, ""))
    return f"{count / size:.1f} {unit}" if size > 1 else str(count)


def _date(moment: datetime) -> str:
    return f"<!date^{int(moment.timestamp())}^{{time}}|{moment:%H:%M} UTC>"


def _safe(text: str, most: int) -> str:
    return fitted(" ".join(text.split()), most, lambda part: slack_safe(part, frozenset()))


def _mrkdwn(text: str) -> JsonObject:
    return {"type": "mrkdwn", "text": text, "verbatim": True}
