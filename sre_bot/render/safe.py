"""Text from models, systems and strangers, made safe to show.

Three things must not survive: characters that nobody sees (they hide instructions, reorder lines or drive terminals),
mentions (they ring people), and links to anywhere but our own systems (a chat client fetches them without a click, and
with them whatever was put into the address).

`clean_text` is for both edges: what goes to the model, and what comes to a human. `slack_safe` and `html_safe` are the
last step before posting: they escape exactly once, so never give them escaped text.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

# --- hidden characters ---

_PICTURE = (
    "[\xa9\xae\u203c\u2049\u2122\u2139\u2194-\u21aa\u231a-\u23ff\u24c2\u25aa-\u25fe\u2600-\u27bf\u2934\u2935"
    "\u2b05-\u2b55\u3030\u303d\u3297\u3299\U0001f000-\U0001faff]"
)
_EMOJI = f"{_PICTURE}[\ufe0e\ufe0f]?[\U0001f3fb-\U0001f3ff]?"
_HIDDEN = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters, without tab and newline
    "\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff"  # zero width, bidi controls, fillers, variation selectors, annotations
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"  # shorthand, music, tags
)
_TERMINAL = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"  # colours, cursor
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?"  # titles, links, device strings
    r"|\x1b[ -/]*[0-~]?"
)
_SEEN_OR_HIDDEN = re.compile(rf"({_EMOJI}(?:\u200d{_EMOJI})*|[0-9#*]\ufe0f\u20e3)|[{_HIDDEN}]")
_LINE_ENDS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
_SURROGATES = re.compile("[\ud800-\udfff]")


def clean_text(text: str) -> str:
    """The text as a person sees it.

    Gone are control characters, terminal sequences, bidi controls, zero-width and tag characters, variation selectors
    and lone surrogates. Tabs, newlines of every kind, emoji with their joiners, letters of every script and
    combining marks stay.
    """
    if text.isascii() and text.isprintable():
        return text
    lines = _LINE_ENDS.sub("\n", _TERMINAL.sub("", text))
    return _SURROGATES.sub("\N{REPLACEMENT CHARACTER}", _SEEN_OR_HIDDEN.sub(lambda found: found[1] or "", lines))


# --- links ---

_ADDRESS = re.compile(
    r"https?://(?P<host>[a-z0-9.-]+)(?P<port>:[0-9]+)?(?:[/?#][\w\-.~:/?#\[\]@!$&'()*+,;=%]*)?", re.ASCII
)


def is_allowed(url: str, allowed_hosts: Collection[str]) -> bool:
    """Whether a web address leads to one of our own systems.

    Args:
        url: complete, with its scheme; anything unusual about it (user info, other schemes, spaces, backslashes,
            characters beyond ASCII) refuses it.
        allowed_hosts: host names, each for any port, or ``host:port``.
    """
    scheme, separator, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    found = _ADDRESS.fullmatch(f"{scheme.lower()}{separator}{authority.lower()}{slash}{path}")
    hosts = {host.lower() for host in allowed_hosts}
    return found is not None and not hosts.isdisjoint({found["host"], found["host"] + (found["port"] or "")})


# --- pieces ---


class _Kind(enum.Enum):
    TEXT = enum.auto()
    CODE = enum.auto()
    FENCE = enum.auto()
    LINK = enum.auto()


@dataclass(frozen=True, slots=True)
class _Piece:
    """A stretch of text; ``url`` is set for an allowed link."""

    kind: _Kind
    text: str
    url: str = ""


_TAIL = r"[^\s<>\"`|]"
_SCHEMES = r"(?:mailto|data|javascript|vbscript|tel|sms|callto|file|blob|slack|sip|xmpp|magnet|intent|view-source|urn)"
_TARGET = rf"(?:[A-Za-z][A-Za-z0-9+.-]{{0,30}}:|//|[\w-]+\.){_TAIL}*"
_MARKUP = re.compile(
    r"```(?P<fence>.+?)```"
    r"|`(?P<code>[^`\n]+)`"
    rf"|<(?P<angled>{_TARGET})(?:\|(?P<angle_label>[^<>\n]*))?>"
    rf"|!?\[(?P<label>[^\[\]\n]*)\]\(\s*<?(?P<target>(?:[A-Za-z][A-Za-z0-9+.-]{{0,30}}:|//?|[\w-]+\.)[^\s()<>]*"
    r"(?:\([^\s()<>]*\)[^\s()<>]*)*)>?(?:\s[^()\n]*)?\)"
    rf"|(?P<url>[A-Za-z][A-Za-z0-9+.-]{{0,30}}://{_TAIL}*|//{_TAIL}+|\b(?i:{_SCHEMES}):{_TAIL}+|\b(?i:www)\.{_TAIL}*)"
    rf"|(?P<dotted>(?<![\w/-])/?(?:[\w-]+/)*[\w-]+(?:[.@+\u3002\uff0e\uff61][\w-]+)+(?:\(\)|[:/?#]{_TAIL}*)?)",
    re.DOTALL,
)
_LINKED = re.compile(rf"[.\u3002\uff0e\uff61](?:xn--|[^\W\d_]{{2}})|//|{_SCHEMES}:", re.IGNORECASE)
"""What makes a dotted word more than a number or an abbreviation: a name after a dot, or a scheme inside."""


def _pieces(text: str, allowed_hosts: Collection[str]) -> Iterator[_Piece]:
    """Take a text apart; whatever a chat client might make a link of is a piece of its own."""
    position = 0
    for found in _MARKUP.finditer(text):
        if found.start() > position:
            yield _Piece(_Kind.TEXT, text[position : found.start()])
        yield from _piece(found, allowed_hosts)
        position = found.end()
    if position < len(text):
        yield _Piece(_Kind.TEXT, text[position:])


def _piece(found: re.Match[str], allowed_hosts: Collection[str]) -> Iterator[_Piece]:
    match found.lastgroup:
        case "fence":
            yield _Piece(_Kind.FENCE, found["fence"])
        case "code":
            yield _Piece(_Kind.CODE, found["code"])
        case "url":
            address = _without_punctuation(found["url"])
            yield _link(address, address, address, allowed_hosts)
            yield _Piece(_Kind.TEXT, found["url"][len(address) :])
        case "dotted":
            address = _without_punctuation(found["dotted"])
            yield _Piece(_Kind.CODE if _LINKED.search(address) else _Kind.TEXT, address)
            yield _Piece(_Kind.TEXT, found["dotted"][len(address) :])
        case _:
            label = found["angle_label"] or found["label"] or ""
            url = found["angled"] or found["target"]
            yield _link(url, url if _MARKUP.search(label) else label, found[0], allowed_hosts)


def _link(url: str, label: str, written: str, allowed_hosts: Collection[str]) -> _Piece:
    """A link to one of our own systems; a foreign one as code, just as it was written."""
    if is_allowed(url, allowed_hosts):
        return _Piece(_Kind.LINK, label or url, url)
    return _Piece(_Kind.CODE, written.strip("<>") if written == f"<{url}>" else written)


_BRACKETS = {")": "(", "]": "[", "}": "{"}


def _without_punctuation(address: str) -> str:
    """An address without the punctuation of the sentence around it; closing brackets stay if they were opened in it."""
    surplus = {closing: address.count(closing) - address.count(opening) for closing, opening in _BRACKETS.items()}
    end = len(address)
    while end and (address[end - 1] in ".,;:!?'*_~" or surplus.get(address[end - 1], 0) > 0):
        end -= 1
        if address[end] in surplus:
            surplus[address[end]] -= 1
    return address[:end]


# --- Slack ---

_BROADCAST = re.compile(r"@(?=(?:here|channel|everyone|group)\b)", re.IGNORECASE)
_DOUBLE_STARS = re.compile(r"\*\*([^*\n]+)\*\*")


def slack_safe(text: str, allowed_hosts: Collection[str]) -> str:
    """The text as mrkdwn of Slack: escaped once, without mentions, foreign links as code.

    Code spans, ``*bold*``, ``_italic_`` and links to ``allowed_hosts`` (bare, ``[label](url)`` or ``<url|label>``)
    work; everything else reads as it was written.
    """
    return _BROADCAST.sub("@ ", _joined(_pieces(clean_text(text), allowed_hosts)))


def _joined(pieces: Iterable[_Piece]) -> str:
    """Pieces as mrkdwn. Slack knows a code span only between spaces or punctuation: a letter beside it is moved off."""
    joined, after_code = "", False
    for piece in pieces:
        written = _MRKDWN[piece.kind](piece)
        is_code = piece.kind in {_Kind.CODE, _Kind.FENCE}
        if joined and written and ((is_code and _clings(joined[-1])) or (after_code and _clings(written[0]))):
            joined += " "
        joined += written
        after_code = is_code if written else after_code
    return joined


def _clings(character: str) -> bool:
    return character.isalnum() or character in "_`"


def _escape(text: str) -> str:
    return escape(text, quote=False)


def _mrkdwn_text(piece: _Piece) -> str:
    return _escape(_DOUBLE_STARS.sub(r"*\1*", piece.text.replace("`", "'")))


def _mrkdwn_code(piece: _Piece) -> str:
    code = _escape(piece.text.strip().replace("`", "'").replace("\n", " "))
    return f"`{code}`" if code else ""


def _mrkdwn_fence(piece: _Piece) -> str:
    return f"```{_escape(piece.text.replace('`', chr(39)))}```"


def _mrkdwn_link(piece: _Piece) -> str:
    url = escape(piece.url, quote=False)
    label = _escape(piece.text.replace("|", " ").replace("`", "'"))
    return f"<{url}>" if piece.text == piece.url else f"<{url}|{label}>"


_MRKDWN = {
    _Kind.TEXT: _mrkdwn_text,
    _Kind.CODE: _mrkdwn_code,
    _Kind.FENCE: _mrkdwn_fence,
    _Kind.LINK: _mrkdwn_link,
}


# --- HTML ---


def html_safe(text: str, allowed_hosts: Collection[str]) -> str:
    """The text as HTML: escaped once, code as ``<code>``, links to ``allowed_hosts`` as links, newlines as ``<br>``."""
    return "".join(_html(piece) for piece in _pieces(clean_text(text), allowed_hosts))


def _html(piece: _Piece) -> str:
    body = escape(piece.text)
    match piece.kind:
        case _Kind.LINK:
            return f'<a href="{escape(piece.url)}" rel="noopener noreferrer">{body}</a>'
        case _Kind.CODE:
            return f"<code>{body}</code>"
        case _Kind.FENCE:
            return f"<pre>{escape(piece.text.strip(chr(10)))}</pre>"
        case _Kind.TEXT:
            return body.replace("\n", "<br>")
