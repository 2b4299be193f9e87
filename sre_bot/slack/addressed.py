"""Which of the messages that Slack delivers are meant for us. Pure and deterministic, so that people can predict it.

Always: a mention, a direct message. Without our name: a reply in a thread (whether we were called into that thread is
known elsewhere, see ``replies``) that names nobody else and, links, code and quotes left aside,

- asks: a question mark after some words, or a question word at the start;
- tells us to do something of our trade at the start of a sentence: "check …", "look at …", "show …", "compare …";
- corrects: "no, …", "that's wrong, …";
- or says "quiet", "stop" or "catch me up", and nothing else.

"Thanks", "ok", "+1", an emoji or a bare link is none of these. Who speaks to somebody by name ("Ben, can you …?") does
not speak to us. Whatever does not clearly speak to us is left alone: a mention costs less than a bot that butts in.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sre_bot.store.heard import Call

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

QUIET_WORDS = frozenset({"quiet", "be quiet", "silence", "shush", "mute", "stop answering"})
"""Said alone, one of these switches answers without a mention off, until we are mentioned again."""
STOP_WORDS = frozenset({"stop", "stop it", "stop now", "stop looking", "stop investigating", "cancel", "abort"})
"""Said alone in a thread that we look into, one of these ends that."""
CATCH_UP_WORDS = frozenset({"catch me up", "catch us up", "fill me in", "what did i miss", "tldr", "tl dr"})
"""Said alone, one of these asks how things stand; told to nobody else."""
_ALONE_SAID = {
    **dict.fromkeys(QUIET_WORDS, Call.QUIET),
    **dict.fromkeys(STOP_WORDS, Call.STOP),
    **dict.fromkeys(CATCH_UP_WORDS, Call.CATCH_UP),
}

_WEIGHED = 4_000
"""So many characters of a reply are looked at."""
_SPOKEN = frozenset({None, "file_share", "thread_broadcast"})
"""Subtypes of what people say: with a file, or shown in the channel too. Edits, joins and the like have others."""

_UNSAID = re.compile(
    r"```.*?```|`[^`\n]*`|^(?:&gt;|>).*?$|<(?:https?:|mailto:)[^>]*>|https?://\S+|:[\w+-]+:",
    re.DOTALL | re.MULTILINE,
)
_SOMEBODY = re.compile(r"<(?:@|!subteam\^|!here|!channel|!everyone)")
_SENTENCES = re.compile(r"(?<=[.!?;…])\s+|\n+")
_QUESTION_MARK = re.compile(r"[?？؟](?=$|[\s?!)\"'”’»:])")
_NOISE = re.compile(r"[^\w+' -]+")
_COURTESY = frozenset(
    {
        *("+1", "-1", "ack", "agreed", "ah", "all", "aha", "and", "awesome", "bot", "cheers"),
        *("cool", "done", "fine", "for", "gg", "good", "got", "great", "haha", "hello", "hey"),
        *("hi", "hm", "hmm", "it", "job", "k", "kk", "lgtm", "lol", "looking", "love"),
        *("makes", "much", "my", "na", "nah", "nice", "no", "noted", "np", "oh", "ok"),
        *("okay", "okey", "perfect", "please", "really", "right", "roger", "same", "sense", "sgtm", "so"),
        *("sorry", "sounds", "super", "sure", "thank", "thanks", "that", "thumbs", "thx", "ty", "understood"),
        *("up", "very", "w", "wait", "well", "will", "wilco", "wow", "ya", "yay", "yeah"),
        *("yep", "yes", "you", "yup"),
    }
)
_OPENERS = (
    "also|and|anyway|but|fine|hello|hey|hi|hm+|now|ok|okay|please|pls|right|so|sorry|sure|thanks|thank you|thx|then"
    "|wait|well|yeah|yes|yep|sre-bot|bot"
)
_OPENING = re.compile(rf"(?:(?:{_OPENERS})\b[,:;.!…–—-]*\s*)+", re.IGNORECASE)
_TO_ONE_BY_NAME = re.compile(r"@?[\w.-]+[,:](?=\s)")

_SUBJECT = r"(?:it|its|this|that|these|those|there|the|we|you|they|i|he|she|any\w*|some\w*|an?|my|our|your|all|both)\b"
_AUXILIARY = (
    r"(?:is|are|was|were|does|do|did|can|could|should|would|will|has|have|had|isn't|aren't|wasn't|didn't|doesn't)"
)
_QUESTION_WORD = re.compile(
    r"why\b|who(?:'s|se|m)?\b(?! knows)|where(?:'s)?\b|how(?:'s)?\b|what(?:'s)?\b(?! an? )"
    rf"|which\b(?! (?:is|was|means|makes|would|could|explains)\b)|when(?:'s)? {_AUXILIARY}\b|{_AUXILIARY} {_SUBJECT}",
    re.IGNORECASE,
)
_IMPERATIVE = re.compile(
    r"(?:check|show|list|compare|find|search|investigate|inspect|verify|explain|summari[sz]e|query|graph|plot|ignore"
    r"|include|exclude|rule out|focus on|dig|tell (?:me|us)|give (?:me|us)|see (?:if|whether|what)"
    r"|keep (?:looking|going|digging)|go (?:on|deeper|back)|look (?:at|into|for|in|again|deeper|closer|up|elsewhere)"
    r"|have (?:a|another) look)\b",
    re.IGNORECASE,
)
_ALONE = re.compile(r"(?:check|show|list|find|search|verify|explain|dig|ignore|include|exclude)\W*$", re.IGNORECASE)
_CORRECTION = re.compile(
    r"(?:no|nope|wrong|that(?:'s| is) (?:wrong|not (?:it|right|true)))\s*[,.:;!–—-]\s*\w", re.IGNORECASE
)


def call_of(event: Mapping[str, Any], bot: str, bots: Collection[str] = ()) -> Call | None:
    """How an event turns to us, or None when it does not; a reply still needs a thread that we were called into.

    A mention is delivered as ``app_mention`` and, where we are in the channel, as ``message``: both are the same call.

    Args:
        event: of the Events API, with its ``type``, ``channel_type``, ``ts`` and ``thread_ts``.
        bot: our user id.
        bots: ids of bots and apps that may call us, by our name only.
    """
    if event.get("bot_id"):
        return Call.MENTION if _is_named_by_one_of(bots, event, bot) else None
    if event.get("user") == bot or event.get("subtype") not in _SPOKEN:
        return None
    kind, text = event.get("type"), str(event.get("text") or "")
    alone = _said_alone(without_mention(text, bot))
    if kind == "message" and event.get("channel_type") == "im":
        return alone if alone in {Call.STOP, Call.CATCH_UP} else Call.MENTION
    if kind == "app_mention" or (kind == "message" and mentions(text, bot)):
        return alone or Call.MENTION
    if kind != "message" or event.get("thread_ts") in {None, event.get("ts")}:
        return None
    return alone or (Call.REPLY if speaks_to_us(text) else None)


def _is_named_by_one_of(bots: Collection[str], event: Mapping[str, Any], bot: str) -> bool:
    by = {event.get("bot_id"), event.get("app_id")}
    spoken = event.get("subtype") in {*_SPOKEN, "bot_message"}
    return spoken and not by.isdisjoint(bots) and event.get("user") != bot and mentions(str(event.get("text")), bot)


def mentions(text: str, bot: str) -> bool:
    """Whether the text, as on the wire, has our name in it."""
    return _mention(bot).search(text) is not None


def without_mention(text: str, bot: str) -> str:
    """The text without our name."""
    return _mention(bot).sub(" ", text)


def is_quiet(text: str) -> bool:
    """Whether it asks us to be quiet, and says nothing else."""
    return _said_alone(text) is Call.QUIET


def _said_alone(text: str) -> Call | None:
    """What a text asks for that is nothing but one of our words."""
    if len(text) > _WEIGHED:
        return None
    return _ALONE_SAID.get(_words(text).removesuffix(" please").removeprefix("please "))


def speaks_to_us(text: str) -> bool:
    """Whether a reply without our name, as on the wire, is a question, an instruction or a correction for us."""
    if _SOMEBODY.search(text):
        return False
    said = _UNSAID.sub(" ", text[:_WEIGHED].replace("’", "'")).strip()
    if _COURTESY.issuperset(_words(said).split()):
        return False
    if _CORRECTION.match(said):
        return True
    if _TO_ONE_BY_NAME.match(_begun(said)):
        return False
    return _is_asked(said) or any(map(_is_order, _SENTENCES.split(said)))


def _is_asked(said: str) -> bool:
    marks = [found.start() for found in _QUESTION_MARK.finditer(said)]
    return bool(_QUESTION_WORD.match(_begun(said)) or (marks and re.search(r"\w", said[: marks[-1]])))


def _is_order(sentence: str) -> bool:
    said = _begun(sentence)
    return bool(_IMPERATIVE.match(said)) and not _ALONE.match(said)


def _begun(said: str) -> str:
    """Without what only leads up to it: "ok, but …"."""
    return said[found.end() :] if (found := _OPENING.match(said)) else said


def _words(text: str) -> str:
    return " ".join(_NOISE.sub(" ", text).lower().split())


def _mention(bot: str) -> re.Pattern[str]:
    return re.compile(rf"<@{re.escape(bot)}(?:\|[^<>]*)?>")
