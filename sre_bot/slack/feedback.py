"""The buttons under an answer by which people say what it was worth, and what they see then. Pure."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sre_bot.store.grades import VALUES, GradeKind, Vote

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sre_bot.investigation import Answer, JsonObject
    from sre_bot.slack.blocks import Post

THUMB, SAY = "feedback:thumb", "feedback:say"
"""Action ids; those of the grade are ``GRADE`` with the value."""
GRADE = "feedback:grade:"
MODAL = "feedback:sentence"
"""Callback id of the view that takes the sentence."""
MAX_SENTENCE = 500
"""Characters."""

QUESTION = "Would acting on this have fixed it?"
LABELS: Mapping[GradeKind, Mapping[int, str]] = {
    GradeKind.THUMB: {100: "Helpful", 0: "Not helpful"},
    GradeKind.GRADE: {100: "Yes", 65: "One hop short", 35: "Right area, wrong cause", 0: "No"},
}
GONE = "There is no answer of mine behind this button any more, so nothing was noted."
SAID = "Noted with your vote. Thank you."
UNVOTED = "There is no vote of yours to note that with. Click a button under the answer first."

_FIRES = re.compile(r"fires: |Alerts: \d+ firing\b")
"""What a look at the alerts says in its summary when something fires."""


def is_incident(answer: Answer) -> bool:
    """Whether there was something to fix: a cause is named, or an alert fired."""
    alerts = (one.summary for one in answer.evidence if one.tool == "list_alerts")
    return bool(answer.report.hypotheses) or any(map(_FIRES.match, alerts))


def with_feedback(post: Post, answer: Answer, key: str) -> Post:
    """The answer's post with the buttons below it; ``key`` is the investigation's."""
    asked = _grade(key) if is_incident(answer) else []
    return replace(
        post,
        blocks=[*post.blocks, *asked, _thumbs(key)],
        plain_blocks=[*post.plain_blocks, *asked, _plain_thumbs(key)],
    )


def confirmation(vote: Vote, key: str) -> tuple[str, list[JsonObject]]:
    """Text and blocks of what whoever voted sees."""
    text = f"Noted: *{LABELS[vote.kind][vote.value]}*. Another button changes your vote."
    say = _button(SAY, "Say why", f"{vote.kind.value} {key}")
    shown: JsonObject = {"type": "section", "text": {"type": "mrkdwn", "text": text}}
    return text, [shown, {"type": "actions", "elements": [say]}]


def sentence_view(key: str, kind: GradeKind) -> JsonObject:
    """The modal that takes a sentence."""
    what = QUESTION if kind is GradeKind.GRADE else "What made it helpful, or not?"
    field: JsonObject = {"type": "plain_text_input", "action_id": "sentence", "max_length": MAX_SENTENCE}
    return {
        "type": "modal",
        "callback_id": MODAL,
        "private_metadata": f"{kind.value} {key}",
        "title": _plain("Say why"),
        "submit": _plain("Send"),
        "close": _plain("Cancel"),
        "blocks": [{"type": "input", "block_id": "sentence", "label": _plain(what), "element": field}],
    }


def vote_of(action: Mapping[str, Any], person: str) -> tuple[str, Vote] | None:
    """Which investigation a click is about and what it says; None when it is none of our buttons."""
    name, value = str(action.get("action_id", "")), str(action.get("value", ""))
    if name.startswith(THUMB):
        number, _, key = value.partition(" ")
        kind = GradeKind.THUMB
    else:
        number, key, kind = name.removeprefix(GRADE), value, GradeKind.GRADE
    if not number.isdecimal() or int(number) not in VALUES[kind]:
        return None
    return key, Vote(person, kind, int(number))


def kind_and_key(value: str) -> tuple[GradeKind, str] | None:
    """What ``sentence_view`` and its button carry."""
    kind, _, key = value.partition(" ")
    return (GradeKind(kind), key) if kind in set(GradeKind) else None


def sentence_of(view: Mapping[str, Any]) -> str:
    """What was typed into the modal."""
    return str(view["state"]["values"]["sentence"]["sentence"].get("value") or "").strip()[:MAX_SENTENCE]


def summed(votes: Sequence[Vote]) -> str:
    """What people said of an answer, in a few words: mean of the grades, thumbs; empty where nobody did."""
    marks = [vote.value for vote in votes if vote.kind is GradeKind.GRADE]
    thumbs = [vote.value for vote in votes if vote.kind is GradeKind.THUMB]
    up, strangers = sum(value > 0 for value in thumbs), len({v.person for v in votes if v.member is False})
    said = [f"{QUESTION} {LABELS[GradeKind.GRADE][marks[0]]}" if len(marks) == 1 else ""]
    said += [f"grade {sum(marks) / len(marks):.0f} of 100 by {len(marks)}"] if len(marks) > 1 else []
    said += [f":thumbsup: {up}" if up else "", f":thumbsdown: {len(thumbs) - up}" if len(thumbs) > up else ""]
    said += [f"{strangers} of them no member" if strangers else ""]
    return " · ".join(filter(None, said))


def _grade(key: str) -> list[JsonObject]:
    buttons = [_button(f"{GRADE}{value}", label, key) for value, label in LABELS[GradeKind.GRADE].items()]
    asked: JsonObject = {"type": "context", "elements": [{"type": "mrkdwn", "text": QUESTION}]}
    return [asked, {"type": "actions", "elements": [*buttons]}]


def _thumbs(key: str) -> JsonObject:
    up, down = LABELS[GradeKind.THUMB].items()
    buttons: JsonObject = {
        "type": "feedback_buttons",
        "action_id": THUMB,
        "positive_button": {"text": _plain(up[1]), "value": f"{up[0]} {key}"},
        "negative_button": {"text": _plain(down[1]), "value": f"{down[0]} {key}"},
    }
    return {"type": "context_actions", "elements": [buttons]}


def _plain_thumbs(key: str) -> JsonObject:
    labels = LABELS[GradeKind.THUMB].items()
    buttons = [_button(f"{THUMB}:{value}", label, f"{value} {key}") for value, label in labels]
    return {"type": "actions", "elements": [*buttons]}


def _button(action: str, label: str, value: str) -> JsonObject:
    return {"type": "button", "action_id": action, "text": _plain(label), "value": value}


def _plain(text: str) -> JsonObject:
    return {"type": "plain_text", "text": text, "emoji": True}
