"""The prompt."""

from __future__ import annotations

import hashlib

import pytest

from sre_bot.agent.prompt import load
from sre_bot.errors import ConfigurationError


def test_the_investigators_prompt_is_found_and_its_version_is_its_content() -> None:
    prompt = load("investigator")
    assert prompt.text.startswith("You are an SRE")
    assert prompt.sha == hashlib.sha256(prompt.text.encode()).hexdigest()[:12]


def test_the_prompt_leaves_room_for_the_tools() -> None:
    """System and tools have 3,000 tokens together, estimated as a quarter of their characters."""
    assert len(load("investigator").text) / 4 <= 1300


def test_a_role_without_a_prompt_is_a_broken_installation() -> None:
    with pytest.raises(ConfigurationError, match="'poet'"):
        load("poet")
