"""``debug``: one JSON document a line of input, with and without a configuration."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.real


def shown(what: str, text: bytes, folder: Path, **environment: str) -> list[dict[str, Any]]:
    """What the command prints, run in a folder without a configuration."""
    done = subprocess.run(
        [sys.executable, "-m", "sre_bot.cli", "debug", what],
        input=text,
        capture_output=True,
        check=True,
        cwd=folder,
        env={**{name: value for name, value in os.environ.items() if name.startswith("COV")}, **environment},
    )
    assert done.stderr == b""
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


def test_redact_tells_what_is_taken_out_of_each_line(tmp_path: Path) -> None:
    lines = shown("redact", b"password=winter-9 and token: a1b2c3d4\r\nplain\n\xff password=autumn-7", tmp_path)
    assert lines == [
        {
            "input": "password=winter-9 and token: a1b2c3d4",
            "output": "password=[redacted:password] and token: [redacted:token]",
            "kinds": ["password", "token"],
        },
        {"input": "plain", "output": "plain", "kinds": []},
        {"input": "\\xff password=autumn-7", "output": "\\xff password=[redacted:password]", "kinds": ["password"]},
    ]


def test_redact_knows_what_is_configured(tmp_path: Path) -> None:
    (line,) = shown("redact", b"see quiet%2Dharbour\n", tmp_path, ANTHROPIC_API_KEY="quiet-harbour")
    assert (line["output"], line["kinds"]) == ("see [redacted:configured]", ["configured"])


def test_no_line_gives_no_line(tmp_path: Path) -> None:
    assert shown("redact", b"", tmp_path) == []
