"""What people ask, and what the model and its provider answer."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, cast

import anthropic  # noqa: F401 - importing it takes longer than some of the deadlines below

from tests.bad_input.row import ASK, Row
from tests.messages_api import Failure, MessagesApi, Reply, cut_tool_use, json_reply, text, tool_use

if TYPE_CHECKING:
    from sre_bot.investigation import JsonObject
    from tests.messages_api import Script

_KEY = {"ANTHROPIC_BASE_URL": "{server}", "ANTHROPIC_API_KEY": "hunter2-hunter2", "SRE_BOT_MODEL": "claude-test"}
_FIRST = "This is the first look, which no model wrote."
_CONFIG = "model: {limits: {seconds: {seconds}}}\nprometheus: {url: '{nowhere}'}"


def _model(does: str, wrong: str, advice: str, script: Script, *, seconds: int = 30) -> Row:
    config = _CONFIG.replace("{seconds}", str(seconds))
    answers = functools.partial(MessagesApi, script)
    return Row(does, wrong, advice, words=("ask", "why?"), env=_KEY, config=config, answers=answers, status=0)


def _telling(*queries: str) -> Script:
    """A model that makes these queries at once and reports what it was told, word for word."""

    def reply(request: JsonObject) -> Reply:
        messages = cast("list[dict[str, Any]]", request["messages"])
        told = [block for message in messages for block in message["content"] if "tool_use_id" in block]
        if not told:
            return Reply(tuple(tool_use("query_metrics", {"query": query, "instant": True}) for query in queries))
        if not request.get("output_config"):
            return Reply((text("I could not see it."),))
        unknown = [" ".join(str(one["content"]).split()) for one in told]
        report: JsonObject = {"what_is_going_on": [], "impact": [], "hypotheses": [], "ruled_out": []}
        return json_reply({**report, "next_steps": [], "unknown": cast("Any", unknown)})

    return reply


def _asked(does: str, question: str, shown: str) -> Row:
    return Row(does, shown, "", words=(ASK[0], question, "--json", *ASK[2:]), status=0)


_SAID = (text("All is well."),)
_LONG = "why is checkout slow? " * 1_900

ROWS = (
    _asked("a question of 40 KB", _LONG, _LONG.strip()),
    _asked(
        "emoji and letters from right to left", "👩‍🚒 למה האתר איטי؟ \u202egnp.exe", r"\ud83d\ude92 \u05dc\u05de\u05d4"
    ),
    _asked("NUL and control characters", "a\0b\x07c\x1b[2Jd", '"question": "'),
    _asked("half a character", "half \udc80 of it", '"question": "half \\ufffd of it"'),
    Row(
        "a time before all data",
        "as of 1999-07-20 00:00:00 UTC",
        "I can't tell",
        words=(*ASK, "--at", "1999-07-20"),
        status=0,
    ),
    _model(
        "a key that is refused",
        f"{_FIRST} claude-test answered with an error (401: invalid x-api-key)",
        "check ANTHROPIC_API_KEY.",
        [Failure(401, "authentication_error", "invalid x-api-key")],
    ),
    _model(
        "a model that is not known",
        "claude-test answered with an error (404: model: claude-test)",
        "check SRE_BOT_MODEL and ANTHROPIC_BASE_URL.",
        [Failure(404, "not_found_error", "model: claude-test")],
    ),
    _model(
        "a model that is overloaded",
        "answered with an error (529: Overloaded)",
        _FIRST,
        lambda _: Failure(529, "overloaded_error", "Overloaded"),
        seconds=2,
    ),
    _model(
        "a spending limit",
        "(429: You have reached your usage limit): the spending limit is reached",
        _FIRST,
        [Failure(429, "rate_limit_error", "You have reached your usage limit")],
    ),
    _model("a stream that is cut", "broke off", _FIRST, lambda _: Reply(_SAID, trouble="cut"), seconds=2),
    _model(
        "a stream that stalls",
        "claude-test did not answer within",
        _FIRST,
        lambda _: Reply(_SAID, trouble="stall"),
        seconds=2,
    ),
    _model("turns of nothing", "claude-test wrote no usable report: there is no JSON", _FIRST, lambda _: Reply(())),
    _model("a report that is none", "claude-test wrote no usable report: there is no", _FIRST, lambda _: Reply(_SAID)),
    _model("a refusal", "claude-test declined to go on", _FIRST, lambda _: Reply((), "refusal")),
    _model(
        "tool calls that are cut",
        "claude-test ran out of room to write its report",
        _FIRST,
        lambda _: Reply((cut_tool_use("query_metrics", '{"query": "u'),), "max_tokens"),
    ),
    _model(
        "PromQL that does not parse",
        "prometheus refused this query: unclosed left parenthesis",
        "Mend it and ask again",
        _telling("sum(rate(x[5m]"),
    ),
    _model(
        "PromQL of 5 KB",
        "the query has 5001 characters, at most 2048 are allowed",
        "ask in parts",
        _telling("x or " * 1_000 + "x"),
    ),
    Row(
        "a model that is not known, checked",
        "claude-test answered with an error (404: model: claude-test)",
        "check SRE_BOT_MODEL and ANTHROPIC_BASE_URL",
        env=_KEY,
        answers=functools.partial(MessagesApi, [], models={}),
    ),
    Row(
        "no provider",
        "cannot be reached: ",
        "Check ANTHROPIC_API_KEY, SRE_BOT_MODEL, ANTHROPIC_BASE_URL",
        env={**_KEY, "ANTHROPIC_BASE_URL": "{nowhere}"},
    ),
)
