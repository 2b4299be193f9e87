"""Where secrets stand: the password of a URL, an authorization header, a cookie, an option of a known command."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sre_bot.redaction.pattern import PLACEHOLDER, STOP, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

_USER = r"[A-Za-z][A-Za-z0-9+.-]*://[^\s:/?#@\[\"'<>]*:"
_HOST = r"@[A-Za-z0-9_.\[-]"

_PLACES = {
    # A password may hold '@' or '/'; one pattern that allows both would run on into the next URL. What starts like a
    # port and a path is no password.
    "url-password": (
        _USER + r"((?:[0-9]{0,5}[^\s\"'<>@/?#,0-9]|/|[0-9]{6})[^\s\"'<>@]*)" + _HOST,
        _USER + r"([^\s\"'<>/?#,]+)" + _HOST,
    ),
    "url-token": (r"https?://([A-Za-z0-9_.~-]{20,})(?::[^\s/@]*)?@[A-Za-z0-9]",),
    "url-signature": (
        r"(?i)(?:[?&;](?:x-(?:amz|goog|oss|cos)-(?:signature|security-token)|signature|key|code|auth|sid|hmac)|\bsig)="
        r"([^" + STOP + r"]{12,})",
    ),
    "authorization": (
        r"(?i)authorization(?:[\"'\\\s]*[:=>,]|\s+[\"'])[\"'\\\s\[]*(?:bearer|basic|token|api-?key|key|digest|negotiate|ntlm|"
        r"splunk|genie-?key|sso-key|hawk|oauth|ssws)[\s:=]+(?:token=)?[\"'\\]*([^" + STOP + r"]{4,})",
        r"(?i)\bbearer[\s:=]+([A-Za-z0-9_.~+/=!-]{16,})",
    ),
    "command-password": (
        r"\b(?:curl|wget|xh|https?\s)[^\n|;]*?\s(?:-u|-U|-a|--user|--auth|--proxy-user)[\s=]*[\"']?[^\s:\"']*:([^\s\"']+)",
        r"\b(?:mysql|mariadb|mongo)\w*\b[^\n|;]*?\s-p[\"']?([^\s\"']{3,})",
        r"\bsshpass\s+-p\s*[\"']?([^\s\"']+)",
        r"\bredis-cli\b[^\n|;]*?\s-a\s+[\"']?([^\s\"']+)",
        r"\bldap\w+\b[^\n|;]*?\s-w\s+[\"']?([^\s\"']+)",
        r"\b(?:docker|podman|helm|az|oc|skopeo|buildah)\b[^\n|;]*?\blogin\b[^\n|;]*?\s-p[\s=]+[\"']?([^\s\"']+)",
        r"(?:\bsqlplus\s+|\boracle:\w+:)\w+/([^\s\"'@/]+)@",
        r"\s-pass(?:in|out)?\s+pass:([^\s\"']+)",
        r"\blogin\s+\S+\s+password\s+(\S+)",
        r"\bvault\s+login\s+(?:-\S+\s+)*([^\s=\"'-][^\s\"']{5,})(?:\s|$)",
        r"\bhtpasswd\b[^\n|;]*?\s-\w*b\w*\s+\S+\s+\S+\s+[\"']?([^\s\"']+)",
        r"\bopenssl\b[^\n|;]*?\s-[kK]\s+[\"']?([^\s\"']+)",
        r"\b(?:7za?|unrar|rar|unzip|zip)\b[^\n|;]*?\s(?:-p|-P\s+)[\"']?([^\s\"']{3,})",
        r"(?i)\bnet\s+use\b[^\n|;]*?\s/user:\S+\s+[\"']?([^\s\"'/][^\s\"']*)",
        r"\b(?:smb|rpc)client\b[^\n|;]*?\s-U\s*[\"']?[^\s\"'%]+%([^\s\"']+)",
        r"\becho\s+[\"']?[\w.-]+:([^\s\"'|]+)[\"']?\s*\|\s*(?:sudo\s+)?chpasswd",
        r"(?i)ConvertTo-SecureString\s+(?:-String\s+)?[\"']([^\"'\n]+)",
        r"\bAUTH\s+(?:[\w-]+\s+)?[\"']?([^\s\"']*[0-9][^\s\"']*)[\"']?\s*(?m:$)",
        r"(?i)\bacl\s+setuser\s[^\n]*?\s>(\S+)",
    ),
    "config-password": (
        r"(?i)auth\s*=?\s*\(\s*[\"'][^\"'\n]*[\"']\s*,\s*[\"']([^\"'\n]{4,})",
        r"(?i)\bidentified\s+(?:with\s+\S+\s+)?by\s+(?:password\s+)?[\"']([^\"'\n]+)",
        r"(?i)\bpassword\s+[\"'`]([^\"'`\n]+)",
        r"(?m)^[\w.*-]+:(?:[0-9]{4,5}|\*):[\w*-]+:[\w*-]+:([^\s:]{4,})$",  # .pgpass
        r"\b\w+:([^\s:@/\"'()]+)@(?:tcp|unix)\(",  # of Go's drivers
        r"(?i)\bcred(?:s|entials)?\s*[:=]\s*[\w.@-]+\s*/\s*([^\s,;]*[0-9][^\s,;]*)",
        r"(?i)\b(?:requirepass|masterauth|bindpw|rootpw)\s+[\"']?([^\s\"']{3,})",
    ),
}
_RULES = tuple(
    (kind, rule("|".join(patterns))) for kind, patterns in _PLACES.items() if kind != "url-password"
) + tuple(("url-password", rule(pattern)) for pattern in _PLACES["url-password"])

_JAR = rule(r"(?i)\bcookie[\"'\\]*\s*[:=]\s*[\[\"'\\]*([^\"'\r\n\\\]}]+)")
_COOKIE = re.compile(rb"([^\s=;,]+)=([^\s;,]{8,})")
_COOKIE_ATTRIBUTES = frozenset({b"path", b"domain", b"expires", b"max-age", b"samesite", b"priority", b"version"})

PLACE_KINDS = frozenset({*_PLACES, "cookie"})


def by_place(data: bytes) -> Iterator[tuple[str, int, int]]:
    """Kind, start and end of every secret that stands where only secrets stand."""
    for kind, place in _RULES:
        for match in place.finditer(data):
            start, end = match.span(match.lastindex)
            if not PLACEHOLDER.fullmatch(data[start:end]):
                yield kind, start, end
    for jar in _JAR.finditer(data):
        for cookie in _COOKIE.finditer(data, *jar.span(1)):
            if cookie[1].lower() not in _COOKIE_ATTRIBUTES and not PLACEHOLDER.fullmatch(cookie[2]):
                yield "cookie", *cookie.span(2)
