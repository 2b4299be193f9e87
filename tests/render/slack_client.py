"""What a Slack client would make of mrkdwn: who is rung, and where it links to. An independent reading of the rules.

Code is inert only where Slack sees it as code: the backticks must not touch a letter or digit on the outside.
"""

from __future__ import annotations

import html
import re

_FENCE = re.compile(r"```.+?```", re.DOTALL)
_CODE = re.compile(r"(?<![\w`])`[^`\n]+`(?![\w`])")
_CONTROL = re.compile(r"<([^<>]*)>")
_AUTOLINK = re.compile(
    r"[a-z][a-z0-9+.-]*://[^\s<>|\"`]*[^\W_]"  # any scheme
    r"|(?<!\w)(?:mailto|tel|javascript|data|file|sms):[^\s<>|\"'`]*[^\W_]"
    r"|(?<!\w)www\.[^\W_][\w-]"
    r"|[\w.+-]+@(?:[\w-]+\.)+[^\W\d_]{2,}"  # mail
    r"|[\w-]+(?:[.\u3002\uff0e\uff61][\w-]+)*[.\u3002\uff0e\uff61][^\W\d_]{2,}(?![\w-])",  # a bare host
    re.IGNORECASE,
)
_DATE = re.compile(r"!date\^\d{1,11}\^(?:\{date_short\} )?\{time(?:_secs)?\}\|[\dTZUC:. -]+")
"""The dates that we write ourselves, with nothing but a time as their fallback."""
_BROADCAST = re.compile(r"@(?:here|channel|everyone|group)\b", re.IGNORECASE)
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200c\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e0fff\ud800-\udfff]"
)


def dangers(mrkdwn: str, allowed: frozenset[str]) -> list[str]:
    """Everything in posted text that rings someone, leads elsewhere, or is not seen; empty when it is safe."""
    found = [f"hidden {character!r}" for character in _HIDDEN.findall(mrkdwn)]
    found += [f"rings {rung}" for rung in _BROADCAST.findall(html.unescape(mrkdwn))]
    visible = _CODE.sub(" ", _FENCE.sub(" ", mrkdwn))
    for control in _CONTROL.findall(visible):
        if _DATE.fullmatch(control):
            continue
        url, _, label = control.partition("|")
        address = html.unescape(url)
        host = re.match(r"https?://([^/?#]*)", address, re.IGNORECASE)
        if not host or host[1].lower() not in allowed:
            found.append(f"control sequence <{control}>")
        found += [f"label that looks like a link: {label}"] if _AUTOLINK.search(html.unescape(label)) else []
    rest = _CONTROL.sub(" ", visible)
    found += [f"link {link}" for link in _AUTOLINK.findall(html.unescape(rest))]
    found += [f"raw {character}" for character in re.findall(r"[<>]|&(?!(?:amp|lt|gt);)", rest)]
    return found
