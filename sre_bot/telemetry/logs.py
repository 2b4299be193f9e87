"""Logs: one JSON object a line (or plain text for people), secrets taken out."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable

    from sre_bot.settings import LogFormat


class _JsonFormatter(logging.Formatter):
    """Time (RFC 3339), level, logger, message and, for an exception, its stack.

    Each text is redacted before it is escaped, so that no escape hides a secret and no redaction breaks the line.
    """

    def __init__(self, redact: Callable[[str], str]) -> None:
        super().__init__()
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self._redact(record.getMessage()),
        }
        if record.exc_info:
            line["stack"] = self._redact(self.formatException(record.exc_info))
        return json.dumps(line)


class _TextFormatter(logging.Formatter):
    """Time, level, logger and message on a line, the stack below it."""

    def __init__(self, redact: Callable[[str], str]) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        return self._redact(super().format(record))


class _Handler(logging.StreamHandler[TextIO]):
    """Writes a line or, where that fails, only says so: by default its text and arguments would be printed."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name is the library's
        kind = getattr(sys.exc_info()[0], "__name__", "error")
        sys.stderr.write(f"a line of log from {record.name} (line {record.lineno}) could not be written: {kind}\n")


def log_to_stderr(form: LogFormat, redact: Callable[[str], str]) -> None:
    """Send every log line of the program to standard error, redacted; one that cannot be redacted is not written."""
    handler = _Handler(sys.stderr)
    handler.setFormatter(_JsonFormatter(redact) if form == "json" else _TextFormatter(redact))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("sre_bot").setLevel(logging.INFO)
