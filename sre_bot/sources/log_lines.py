"""A raw log line as a record: its level, message and fields, whether it is JSON, logfmt or plain text."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from sre_bot.incident import LogLevel, LogLine

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

MAX_MESSAGE, MAX_FIELD, MAX_FIELDS = 8_000, 500, 24
"""Characters of a message and of a field, and fields, that are kept."""

_MESSAGES = ("message", "msg", "log", "body", "event", "@message")
_LEVELS = ("detected_level", "level", "severity", "severity_text", "lvl", "loglevel", "log.level", "levelname")
_TIMES = ("time", "timestamp", "ts", "@timestamp", "observed_timestamp")
_LOGFMT_MAX = 4_000
_PAIR = re.compile(r'([A-Za-z_@][\w.@/-]{0,63})=("(?:[^"\\]|\\.)*"|[^\s"]*)(?:\s+|$)')
_HEAD = 120
"""A level stands within so many characters of a plain line's start."""
_WORD = re.compile(r"\b(?:FATAL|CRITICAL|CRIT|PANIC|SEVERE|ERROR|ERR|WARNING|WARN|NOTICE|INFO|DEBUG|TRACE)\b")
_KLOG = re.compile(r"([IWEF])\d{4} \d\d:\d\d:")
_CRASH = re.compile(r"panic: |Traceback \(most recent|Exception in thread |(?:[\w.]+(?:Error|Exception)): ")


def read_line(time: datetime, text: str, labels: Mapping[str, str], service_labels: Iterable[str]) -> LogLine:
    """The line.

    Args:
        time: when it was written.
        text: as it was written.
        labels: what its store knows of it besides.
        service_labels: labels that name the service, most telling first.
    """
    fields = _fields(text)
    key = next((name for name in _MESSAGES if fields.get(name)), None)
    message = fields.pop(key) if key else text
    known = {**fields, **labels}
    service = next((known[name] for name in service_labels if known.get(name)), None)
    level = _level(known, message)
    left_out = {*_LEVELS, *_TIMES, *service_labels}
    rest = [(name, value) for name, value in known.items() if name not in left_out and not name.startswith("__")]
    attributes = {name[:MAX_FIELD]: value[:MAX_FIELD] for name, value in rest[:MAX_FIELDS] if value}
    return LogLine(time, service, level, message[:MAX_MESSAGE], attributes)


def _fields(text: str) -> dict[str, str]:
    """The fields of a structured line; none of plain text."""
    if text.lstrip()[:1] == "{":
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return {}
        return {str(name): _text(one) for name, one in value.items()} if isinstance(value, dict) else {}
    pairs = _PAIR.findall(text[:_LOGFMT_MAX])
    names = {name for name, _ in pairs}
    if not names & set(_MESSAGES) or not _PAIR.match(text):
        return {}
    return {name: _unquoted(value) for name, value in pairs}


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def _unquoted(value: str) -> str:
    if value[:1] != '"':
        return value
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] == "n" else found[1], value[1:-1])


def _level(known: Mapping[str, str], message: str) -> LogLevel:
    """As it is labelled, or else as the text says near its beginning."""
    for name in _LEVELS:
        level = LogLevel.of(known.get(name))
        if level is not LogLevel.UNKNOWN:
            return level
    head = message[:_HEAD]
    klog = _KLOG.match(head)
    word = klog[1] if klog else next(iter(_WORD.findall(head)), None)
    if word is not None:
        return LogLevel.of("fatal" if klog and word == "F" else word)
    return LogLevel.ERROR if _CRASH.search(head) else LogLevel.UNKNOWN
