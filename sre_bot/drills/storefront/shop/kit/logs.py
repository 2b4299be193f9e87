"""Logs: one JSON object a line on standard error."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime


class JsonLines(logging.Formatter):
    """``{time, service, severity, message, attributes}``; attributes come from ``extra={"attributes": …}``."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """One line for one record."""
        attributes = dict(getattr(record, "attributes", {}))
        if record.exc_info:
            attributes["exception"] = self.formatException(record.exc_info)
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "service": self._service,
            "severity": record.levelname,
            "message": record.getMessage(),
            "attributes": attributes,
        }
        return json.dumps(line, ensure_ascii=False)


def set_up(service: str) -> None:
    """Send everything from INFO up to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines(service))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
