"""Patterns over bytes on RE2, which takes time linear in the text whatever the text."""

from __future__ import annotations

from typing import Any

import re2

STOP = r"\s\"'`<>,;&)}\]|\\"
"""The characters (of a class) that end a bare value: white space, a quote, or what closes the notation around it."""


def rule(pattern: str) -> Any:
    """Compile for bytes; Latin-1 makes every byte a character, so broken UTF-8 cannot hide anything."""
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.max_mem = 64 << 20
    options.log_errors = False  # to standard error, with the pattern, which may hold a credential
    return re2.compile(pattern.encode("latin-1"), options)


PLACEHOLDER = rule(
    r"(?s)"
    r"\[?redacted(?::[a-z-]+)?\]?"  # our own mark, or the part of it that a cookie's or a header's rule sees
    r"|[^\w\x80-\xff]+|[xX]+|<.*>|\[.*\]"  # masks: ***, xxxx, <password>, [hidden]
    r"|\$\{.*|\$\(.*|\$[A-Z_][A-Z0-9_]*|\$[a-z_]+|\{\{.*|\{\w*\}|%[A-Za-z({].*|#\{.*|@[A-Z_]+@"  # variables, templates
    r"|(?:/[a-z0-9._-]+){2,}|https?://.*|--[a-z-]+|#[0-9A-Fa-f]+"  # a path, an address, the next flag, a colour
    r"|[A-Za-z_][\w.]*\(.*|[A-Za-z_.]+\[.*|(?:[A-Za-z_]+\.)+[A-Za-z_]+"  # code: a call, an index, an attribute
    r"|(?i:[a-z_]*(?:password|passwd|pwd|token|secret|key|self|env|config|redacted))"  # a name in code
)
"""Values that only stand for a secret."""
