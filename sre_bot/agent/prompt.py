"""The only reader of ``prompts/``: one Markdown file a role, versioned by its content."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from sre_bot.errors import ConfigurationError

_PACKAGE = Path(__file__).resolve().parents[1]
_FOLDERS = (_PACKAGE / "prompts", _PACKAGE.parent / "prompts")
"""Where the folder lies in an installed wheel, and in a checkout."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A system prompt and the short hash of its text, which names its version in every answer."""

    text: str
    sha: str


def load(role: str) -> Prompt:
    """The prompt of a role, e.g. ``investigator``.

    Raises:
        ConfigurationError: the installation has no such prompt.
    """
    for folder in _FOLDERS:
        path = folder / f"{role}.md"
        if path.is_file():
            text = path.read_text(encoding="utf-8").strip()
            return Prompt(text, hashlib.sha256(text.encode()).hexdigest()[:12])
    raise ConfigurationError(f"there is no prompt for the role {role!r}: the installation is incomplete, reinstall it.")
