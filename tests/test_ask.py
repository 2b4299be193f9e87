"""``ask``: a question and a moment as typed, then the answer on standard output and nothing else there."""

from __future__ import annotations

import json
import logging
import socket
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest

from sre_bot.ask import ask, read_question, read_time
from sre_bot.errors import BadInputError
from sre_bot.settings import Settings
from tests.messages_api import Failure, MessagesApi, Reply, json_reply, text, tool_use

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sre_bot.investigation import JsonObject
    from tests.conftest import GitFolder

NOW = datetime(2026, 11, 22, 15, 0, 30, tzinfo=UTC)
SAID = "The last change is web: a better :fire: title."
KEYS = {
    "id", "question", "asked_at", "model", "prompt", "root_cause", "change_suspects", "remediation", "report",
    "evidence", "unverified", "missing_sources", "usage", "seconds",
}  # fmt: skip


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Put the program's loggers back."""
    root, ours = logging.getLogger(), logging.getLogger("sre_bot")
    before = root.handlers[:], root.level, ours.level
    yield
    root.handlers[:], level, our_level = before
    root.setLevel(level)
    ours.setLevel(our_level)


class TestTime:
    @pytest.mark.parametrize(
        ("written", "expected"),
        [
            ("2026-11-22T14:03:00Z", datetime(2026, 11, 22, 14, 3, tzinfo=UTC)),
            ("2026-11-22T14:03:00+02:00", datetime(2026, 11, 22, 12, 3, tzinfo=UTC)),
            ("2026-11-22T14:03", datetime(2026, 11, 22, 14, 3, tzinfo=UTC)),
            ("14:03", datetime(2026, 11, 22, 14, 3, tzinfo=UTC)),
            ("9:03", datetime(2026, 11, 22, 9, 3, tzinfo=UTC)),
            ("9:03:20", datetime(2026, 11, 22, 9, 3, 20, tzinfo=UTC)),
            (" 14:03:20 ", datetime(2026, 11, 22, 14, 3, 20, tzinfo=UTC)),
            ("-45s", NOW - timedelta(seconds=45)),
            ("-20m", NOW - timedelta(minutes=20)),
            ("-3h", NOW - timedelta(hours=3)),
            ("-2d", NOW - timedelta(days=2)),
        ],
    )
    def test_the_forms_of_a_moment(self, written: str, expected: datetime) -> None:
        moment = read_time(written, NOW)
        assert (moment, moment.utcoffset()) == (expected, timedelta())

    @pytest.mark.parametrize(
        "nonsense",
        [
            "",
            "noon",
            "20m",
            "-20",
            "-20w",
            "24:00",
            "14:60",
            "14:3",
            "2026-02-30",
            "-999999d",
            "0001-01-01T00:00+05:00",
        ],
    )
    def test_nonsense_is_refused_with_the_forms_there_are(self, nonsense: str) -> None:
        with pytest.raises(BadInputError, match="is not a time; write 2026-11-22T14:03:00Z, 14:03"):
            read_time(nonsense, NOW)


class TestQuestion:
    def test_a_question_is_asked_as_of_now_unless_told_otherwise(self) -> None:
        assert read_question("  why?\x1b[31m ", None, NOW).text == "why?"
        assert read_question("why?", None, NOW).asked_at == NOW
        assert read_question("why?", "-20m", NOW).asked_at == NOW - timedelta(minutes=20)

    @pytest.mark.parametrize("empty", ["", "  \n", "\x1b[31m\u200b"])
    def test_an_empty_question_is_refused(self, empty: str) -> None:
        with pytest.raises(BadInputError, match="the question is empty"):
            read_question(empty, None, NOW)

    @pytest.mark.parametrize(
        ("at", "why"),
        [
            ("15:01", "lies in the future"),
            ("2026-11-23T00:00:00Z", "lies in the future"),
            ("0001-01-01", "before 1970"),
        ],
    )
    def test_a_moment_of_which_nothing_can_be_known_is_refused(self, at: str, why: str) -> None:
        with pytest.raises(BadInputError, match=why):
            read_question("why?", at, NOW)


def refusing() -> str:
    """An address where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}"


def printed(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Standard output, which holds one JSON document."""
    return cast("dict[str, Any]", json.loads(capsys.readouterr().out))


class TestFirstLook:
    async def test_json_is_one_document_with_the_published_keys(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert await ask(Settings(), "what is wrong?", at="-20m", as_json=True, model="first-look") == 0
        answer = printed(capsys)
        assert set(answer) == KEYS
        assert (answer["question"], answer["model"], answer["root_cause"]) == ("what is wrong?", "first-look", None)
        assert datetime.fromisoformat(answer["asked_at"]).utcoffset() == timedelta()
        assert set(answer["usage"]) == {"turns", "input_tokens", "output_tokens", "cache_read_tokens", "usd"}
        assert set(answer["seconds"]) == {"ready", "first_look", "total"}

    async def test_with_nothing_to_look_at_it_says_so(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert await ask(Settings(), "what is wrong?", at=None, as_json=False, model=None) == 0
        said = capsys.readouterr()
        assert "No model is configured" in said.out
        assert "• prometheus: not configured" in said.out
        assert "No model is configured" not in said.err, "the first look is the answer, and is told once"

    async def test_sources_that_are_down_are_named(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        settings = Settings.model_validate(
            {
                "prometheus": {"url": refusing()},
                "alertmanager": {"url": refusing()},
                "repositories": [{"name": "shop", "path": tmp_path}],
                "deploys": {"path": tmp_path / "absent.jsonl"},
            }
        )
        assert await ask(settings, "what is wrong?", at=None, as_json=True, model="first-look") == 0
        assert {"prometheus", "alertmanager", "shop", "deploys"} <= set(printed(capsys)["missing_sources"])


def investigating(query: str) -> Any:
    """A model that asks for metrics and changes, concludes, and reports the change it saw."""

    def reply(request: JsonObject) -> Reply | Failure:
        messages = cast("list[dict[str, Any]]", request["messages"])
        results = [block for message in messages for block in message["content"] if "tool_use_id" in block]
        if not results:
            looks = tool_use("query_metrics", {"query": query, "instant": True}), tool_use("list_changes", {})
            return Reply(looks)
        if not request.get("output_config"):
            return Reply((text("It is the last change."),))
        seen = next(str(one["content"]) for one in results if "a better :fire: title" in str(one["content"]))
        claim: JsonObject = {"text": SAID, "evidence": [seen.partition("]")[0].removeprefix("[")]}
        report: JsonObject = {"what_is_going_on": [claim], "unknown": []}
        return json_reply({**report, "impact": [], "hypotheses": [], "ruled_out": [], "next_steps": []})

    return reply


class TestModel:
    @pytest.fixture
    def settings(self, git_folder: GitFolder) -> Settings:
        git_folder.commit("web: a better :fire: title", {"web/app.py": "title = 1\n"}, datetime.now(UTC))
        return Settings.model_validate(
            {
                "prometheus": {"url": refusing()},
                "repositories": [{"name": "shop", "path": git_folder.path}],
            }
        )

    def asking(self, settings: Settings, url: str) -> Settings:
        model = {"name": "claude-test", "base_url": url, "api_key": "k"}
        return Settings.model_validate({**settings.model_dump(exclude_none=True), "model": model})

    async def test_the_answer_is_the_models_and_json_stays_alone_on_standard_output(
        self, settings: Settings, capsys: pytest.CaptureFixture[str]
    ) -> None:
        async with MessagesApi(investigating("up")) as api:
            assert await ask(self.asking(settings, api.url), "why?", at=None, as_json=True, model=None) == 0
        answer = printed(capsys)
        assert answer["model"] == "claude-test"
        assert [claim["text"] for claim in answer["report"]["what"]] == [SAID]
        assert answer["usage"]["turns"] == len(api.requests)
        assert not api.refused

    async def test_the_first_look_goes_to_standard_error_and_the_answer_is_printed_as_written(
        self, settings: Settings, capsys: pytest.CaptureFixture[str]
    ) -> None:
        async with MessagesApi(investigating("up")) as api:
            assert await ask(self.asking(settings, api.url), "why?", at=None, as_json=False, model=None) == 0
        said = capsys.readouterr()
        assert SAID in said.out, "an emoji's name stays what it is"
        assert "first look, no model" in said.err
        assert "first look, no model" not in said.out

    async def test_a_query_that_looks_like_markup_is_only_shown(
        self, settings: Settings, capsys: pytest.CaptureFixture[str]
    ) -> None:
        async with MessagesApi(investigating("sum(rate(x[/5m]))")) as api:
            assert await ask(self.asking(settings, api.url), "why?", at=None, as_json=True, model=None) == 0
        assert printed(capsys)["model"] == "claude-test"

    async def test_another_model_may_be_named_and_first_look_asks_none(
        self, settings: Settings, capsys: pytest.CaptureFixture[str]
    ) -> None:
        async with MessagesApi(investigating("up")) as api:
            configured = self.asking(settings, api.url)
            assert await ask(configured, "why?", at=None, as_json=True, model="first-look") == 0
            assert printed(capsys)["model"] == "first-look"
            assert not api.requests
            assert await ask(configured, "why?", at=None, as_json=True, model="claude-other") == 0
        assert printed(capsys)["model"] == "claude-other"
        assert {request["model"] for request in api.requests} == {"claude-other"}

    async def test_a_model_that_is_down_leaves_the_first_look(
        self, settings: Settings, capsys: pytest.CaptureFixture[str]
    ) -> None:
        async with MessagesApi([Failure(401, "authentication_error", "invalid x-api-key")]) as api:
            assert await ask(self.asking(settings, api.url), "why?", at=None, as_json=False, model=None) == 0
        assert "check ANTHROPIC_API_KEY" in capsys.readouterr().out
