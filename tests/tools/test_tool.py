"""The toolbox: definitions as small as they can be, and a failure becomes an answer in one place."""

from __future__ import annotations

import asyncio
import enum
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import pytest
from pydantic import Field

from sre_bot.errors import BadInputError, QueryRefusedError, SourceUnavailableError
from sre_bot.investigation import MissingSource, Observation
from sre_bot.tools.tool import MAX_TOKENS, Arguments, Tool, Toolbox

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)


class Colour(enum.StrEnum):
    RED = "red"
    BLUE = "blue"


class Paint(Arguments):
    """A docstring that the model need not read."""

    colour: Colour
    title: Annotated[str | None, Field(description="what to call it")] = None
    coats: Annotated[int, Field(ge=1)] = 1
    others: tuple[Colour, ...] = ()


async def fine(arguments: Paint, at: datetime) -> Observation:
    return Observation("painted", f"{arguments.colour} as of {at:%H:%M}")


def box(ask: Callable[[Paint, datetime], Awaitable[Observation]] = fine, timeout_s: float = 5) -> Toolbox:
    return Toolbox([Tool("paint", "Paint it.", Paint, ask, ("shed",))], AT, timeout_s=timeout_s)


def raising(error: Exception) -> Toolbox:
    async def ask(arguments: Paint, at: datetime) -> Observation:
        raise error

    return box(ask)


def test_a_definition_has_no_titles_references_nulls_or_docstrings() -> None:
    (definition,) = box().definitions
    assert definition == {
        "name": "paint",
        "description": "Paint it.",
        "input_schema": {
            "type": "object",
            "additionalProperties": False,
            "required": ["colour"],
            "properties": {
                "colour": {"type": "string", "enum": ["red", "blue"]},
                "title": {"type": "string", "description": "what to call it"},
                "coats": {"type": "integer", "minimum": 1, "default": 1},
                "others": {"type": "array", "items": {"type": "string", "enum": ["red", "blue"]}, "default": []},
            },
        },
    }
    assert json.loads(json.dumps(definition)) == definition


async def test_a_look_gets_checked_arguments_and_the_present_of_the_investigation() -> None:
    assert await box().look("paint", {"colour": "red"}) == Observation("painted", "red as of 12:00")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "colour: Field required"),
        ({"colour": "green"}, "colour: Input should be 'red' or 'blue', got 'green'"),
        ({"colour": "red", "coats": 0}, "coats: Input should be greater than or equal to 1, got 0"),
        ({"colour": "red", "color": "red"}, "color: Extra inputs are not permitted"),
    ],
)
async def test_a_wrong_argument_is_named_with_what_is_allowed(arguments: dict[str, str | int], said: str) -> None:
    seen = await box().look("paint", dict(arguments))
    assert seen.failed
    assert seen.missing is None
    assert said in seen.content
    assert "It takes: colour, title (optional), coats (optional), others (optional)." in seen.content


async def test_an_impossible_argument_is_answered_with_its_sentence() -> None:
    seen = await raising(BadInputError("there is no green")).look("paint", {"colour": "red"})
    assert seen.failed
    assert seen.content == "there is no green. Mend the call and ask again."


async def test_a_source_that_is_down_is_named_missing_and_the_answer_keeps_query_window_and_message() -> None:
    error = SourceUnavailableError("prometheus", "HTTP 503: overloaded", query="up")
    error.add_note("Window: 11:00 to 12:00")
    seen = await raising(error).look("paint", {"colour": "red"})
    assert seen.failed
    assert seen.missing == MissingSource("prometheus", "HTTP 503: overloaded")
    for part in ("HTTP 503: overloaded", "Query: up", "Window: 11:00 to 12:00", 'paint {"colour": "red"}'):
        assert part in seen.content
    assert "says nothing about the system" in seen.content


async def test_a_refused_query_is_not_a_missing_source_and_can_be_mended() -> None:
    seen = await raising(QueryRefusedError("prometheus", "parse error", query="up{")).look("paint", {"colour": "red"})
    assert seen.failed
    assert seen.missing is None
    assert seen.content.startswith("prometheus refused this query: parse error\nQuery: up{\n")
    assert seen.content.endswith("Mend it and ask again.")


async def test_what_a_source_says_in_its_error_is_bounded_and_shown_without_hidden_characters() -> None:
    error = SourceUnavailableError("prometheus", "\u202eevil\x1b[31m " + "x" * 10_000)
    seen = await raising(error).look("paint", {"colour": "red"})
    assert "\u202e" not in seen.content
    assert "\x1b" not in seen.content
    assert len(seen.content) < 1_500


async def test_a_look_that_takes_too_long_is_answered_honestly_and_cancelled() -> None:
    cancelled = asyncio.Event()

    async def hang(arguments: Paint, at: datetime) -> Observation:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise
        raise AssertionError

    seen = await box(hang, timeout_s=0.01).look("paint", {"colour": "red"})
    assert seen.failed
    assert seen.missing == MissingSource("shed", "no answer within 0.01 s")
    assert cancelled.is_set()


@pytest.mark.parametrize("fault", [RuntimeError("our bug"), TimeoutError("not our deadline"), ValueError("our bug")])
async def test_a_fault_of_ours_is_no_answer(fault: Exception) -> None:
    with pytest.raises(type(fault)):
        await raising(fault).look("paint", {"colour": "red"})


async def test_an_unknown_tool_is_answered_with_those_there_are() -> None:
    seen = await box().look("saw", {})
    assert seen.failed
    assert "there are: paint" in seen.content


async def test_an_answer_that_is_far_too_long_is_cut_at_a_line_and_says_so() -> None:
    async def talk(arguments: Paint, at: datetime) -> Observation:
        return Observation("long", "a line of words\n" * 10 * MAX_TOKENS)

    content = (await box(talk).look("paint", {"colour": "red"})).content
    assert len(content) < 10 * MAX_TOKENS
    assert content.splitlines()[-2:] == [
        "a line of words",
        "… cut here: the answer was too long. Ask for less at once.",
    ]
