"""What people write to the bot in Slack, and what goes wrong around it while it serves."""

from __future__ import annotations

from dataclasses import dataclass

LONG = "why is checkout slow? " * 1_900


@dataclass(frozen=True, slots=True)
class Mention:
    """A mention, what the model is asked then, and what the answer in the thread says."""

    does: str
    text: str
    asked: str
    said: str = "answered with a web page (HTML): “Sign in”; check that its url leads to the API"


@dataclass(frozen=True, slots=True)
class Command:
    """Words behind ``/sre`` and the answer to them."""

    text: str
    said: str


MENTIONS = (
    Mention("a mention without a word", "", "What is going on?"),
    Mention("a mention of blanks", " \u200b\u00a0\n", "What is going on?"),
    Mention("a mention of 40 KB", LONG, "more characters were cut)"),
    Mention("emoji and letters from right to left", "👩‍🚒 :fire: למה האתר איטי؟", "👩‍🚒 :fire: למה האתר איטי؟"),
    Mention("letters that turn the line around", "why \u202egnp.exe\u202c?", "why gnp.exe?"),
    Mention("NUL and control characters", "a\0b\x07c\x1b[2Jd", "abcd"),
    Mention("half a character", "half \ud83d of it", "half ? of it"),
    Mention("markup that is not closed", "<http://x|<@U1 &lt;!channel&gt; why?", "why?"),
    Mention("a time in the future", "what will fail tomorrow at 25:99?", "what will fail tomorrow at 25:99?"),
    Mention("ten thousand brackets", "<" * 10_000, "more characters were cut)"),
)

COMMANDS = (
    Command("", "*/sre help* – this"),
    Command("sing", "I do not know “sing”."),
    Command("alerts severity=purple", "“purple” is no severity. Write: "),
    Command("alerts last=-5m", "“-5m” is no window up to "),
    Command("alerts last=1h", "answered with a web page (HTML)"),
)
