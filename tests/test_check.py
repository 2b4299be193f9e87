"""``check``: a line a system, over real sockets; what works, what does not and why, what is not there."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from sre_bot.check import Finding, State, check, examine
from sre_bot.drills.slack_simulator import SlackSimulator
from sre_bot.settings import Settings
from tests.messages_api import MessagesApi

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from tests.conftest import GitFolder

NOW = datetime.now(UTC)


@contextlib.asynccontextmanager
async def served(answers: Mapping[str, tuple[str, str]]) -> AsyncIterator[str]:
    """A server on loopback; content type and body by path."""

    async def answer(request: web.Request) -> web.Response:
        kind, body = answers[request.path]
        return web.Response(text=body, content_type=kind)

    app = web.Application()
    for path in answers:
        app.router.add_get(path, answer)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


def a_prometheus(version: str = "3.1.0") -> dict[str, tuple[str, str]]:
    """What a Prometheus with two targets says."""
    vector = {"resultType": "vector", "result": [{"metric": {}, "value": [NOW.timestamp(), "2"]}]}
    bodies = {"/api/v1/status/buildinfo": {"version": version}, "/api/v1/query": vector}
    return {
        path: ("application/json", json.dumps({"status": "success", "data": data})) for path, data in bodies.items()
    }


def refusing() -> str:
    """An address where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}"


async def findings(tmp_path: Path, **sections: Any) -> dict[str, Finding]:
    settings = Settings.model_validate({"state_dir": tmp_path / "state", **sections})
    return {finding.system: finding for finding in await examine(settings)}


async def test_nothing_configured_is_no_fault_and_each_line_tells_how_it_would_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await check(Settings(state_dir=tmp_path / "state")) == 0
    lines = capsys.readouterr().out.splitlines()
    states = {line.split()[1]: line.split()[0] for line in lines}
    assert states.pop("database") == "ok"
    assert set(states.values()) == {"none"}
    assert set(states) == {
        "slack", "model", "prometheus", "alertmanager", "loki", "tempo", "repositories", "deploys",
    }  # fmt: skip
    assert any("set PROMETHEUS_URL" in line for line in lines)


async def test_what_works_is_ok(tmp_path: Path, git_folder: GitFolder, capsys: pytest.CaptureFixture[str]) -> None:
    git_folder.commit("one", {"README.md": "# The shop\n\nHow to run it.\n"}, NOW)
    deploys = tmp_path / "deploys.jsonl"
    deploys.write_text(json.dumps({"time": NOW.isoformat(), "service": "web", "version": "v7"}) + "\n")
    async with served(a_prometheus()) as url:
        settings = Settings.model_validate(
            {
                "state_dir": tmp_path / "state",
                "prometheus": {"url": url},
                "repositories": [{"name": "shop", "path": git_folder.path}],
                "deploys": {"path": deploys},
            }
        )
        assert await check(settings) == 0
    said = capsys.readouterr().out
    assert "ok    prometheus" in said
    assert "version 3.1.0; 2 of 2 targets are up" in said
    assert "newest commit" in said
    assert "1 deploy, the last: web v7" in said


async def test_one_system_that_fails_fails_the_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = refusing()
    assert await check(Settings.model_validate({"state_dir": tmp_path / "state", "prometheus": {"url": url}})) == 1
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("FAIL"))
    assert line.split()[1] == "prometheus"
    assert f"cannot be reached at {url}" in line


async def test_what_a_system_says_is_shown_as_it_is_on_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = "3 :fire: [red] \x1b[31m hunter2222\nok    all is well"
    async with served(a_prometheus(odd)) as url:
        source = {"url": url, "token": "hunter2222"}
        assert await check(Settings.model_validate({"state_dir": tmp_path / "state", "prometheus": source})) == 0
    said = capsys.readouterr().out
    line = next(line for line in said.splitlines() if "version" in line)
    assert "version 3 :fire: [red] [redacted" in line
    assert "ok all is well" in line
    assert "\x1b" not in said
    assert "hunter2222" not in said


class TestSources:
    @pytest.mark.parametrize("system", ["prometheus", "alertmanager", "loki", "tempo"])
    async def test_a_refused_connection_fails_and_the_others_are_still_told(self, system: str, tmp_path: Path) -> None:
        url = refusing()
        found = await findings(tmp_path, **{system: {"url": url}})
        assert found[system].state is State.FAILED
        assert url in found[system].sentence
        assert found["database"].state is State.OK

    async def test_a_folder_that_is_no_repository_and_a_file_that_is_not_there_fail(self, tmp_path: Path) -> None:
        found = await findings(
            tmp_path,
            repositories=[{"name": "shop", "path": tmp_path}],
            deploys={"path": tmp_path / "absent.jsonl"},
        )
        assert (found["shop"].state, found["deploys"].state) == (State.FAILED, State.FAILED)
        assert "absent.jsonl" in found["deploys"].sentence

    async def test_each_endpoint_has_a_line_by_its_name_and_kind(self, tmp_path: Path) -> None:
        url = refusing()
        async with served(a_prometheus()) as good:
            found = await findings(
                tmp_path,
                prometheus=[{"name": "eu", "url": good}, {"name": "prometheus-us", "url": url}],
                alertmanager=[{"name": "am-0", "url": url}, {"name": "am-1", "url": url}],
            )
        assert found["eu (prometheus)"] == Finding("eu (prometheus)", State.OK, "version 3.1.0; 2 of 2 targets are up")
        assert found["prometheus-us"].state is State.FAILED
        assert found["am-0 (alertmanager)"].sentence.startswith(f"cannot be reached at {url}")
        assert found["am-1 (alertmanager)"].state is State.FAILED


class TestDatabase:
    async def test_a_database_that_cannot_be_written_fails(self, tmp_path: Path) -> None:
        (tmp_path / "state").write_text("a file where the folder should be")
        found = await findings(tmp_path)
        assert found["database"].state is State.FAILED
        assert "SRE_BOT_STATE_DIR" in found["database"].sentence


class TestModel:
    async def test_a_model_that_is_known_is_ok(self, tmp_path: Path) -> None:
        async with MessagesApi([], models={"claude-test": {"display_name": "Claude Test"}}) as api:
            found = await findings(tmp_path, model={"name": "claude-test", "base_url": api.url, "api_key": "k"})
        assert found["model"] == Finding("model", State.OK, "Claude Test answers")

    async def test_a_model_that_is_not_known_fails_and_names_the_settings(self, tmp_path: Path) -> None:
        async with MessagesApi([], models={}) as api:
            found = await findings(tmp_path, model={"name": "claude-tset", "base_url": api.url, "api_key": "k"})
        assert found["model"].state is State.FAILED
        assert "SRE_BOT_MODEL" in found["model"].sentence

    async def test_a_model_on_its_way_out_is_a_warning_and_no_failure(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        models: dict[str, dict[str, Any]] = {"claude-old": {"retires_at": "2027-01-01T00:00:00Z"}}
        async with MessagesApi([], models=models) as api:
            model = {"name": "claude-old", "base_url": api.url, "api_key": "k"}
            assert await check(Settings.model_validate({"state_dir": tmp_path / "state", "model": model})) == 0
        line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("warn"))
        assert "retires at 2027-01-01" in line


class TestSlack:
    async def test_the_right_tokens_are_ok_and_open_no_socket(self, tmp_path: Path) -> None:
        async with SlackSimulator() as slack:
            tokens = {"bot_token": slack.bot_token, "app_token": slack.app_token}
            found = await findings(tmp_path, slack={"api_url": slack.api_url, **tokens})
            assert slack.connection_count == 0
        assert found["slack"].state is State.OK
        assert found["slack"].sentence.endswith("Socket Mode is on")

    async def test_a_signing_secret_does_instead_of_an_app_token(self, tmp_path: Path) -> None:
        async with SlackSimulator() as slack:
            secrets = {"bot_token": slack.bot_token, "signing_secret": "8f742231b10e"}
            found = await findings(tmp_path, slack={"api_url": slack.api_url, **secrets})
        assert found["slack"].state is State.OK
        assert found["slack"].sentence.endswith("HTTP only, without Socket Mode")

    async def test_a_signing_secret_alone_lacks_the_bot_token(self, tmp_path: Path) -> None:
        found = await findings(tmp_path, slack={"signing_secret": "8f742231b10e"})
        assert found["slack"].state is State.FAILED
        assert found["slack"].sentence.startswith("SLACK_BOT_TOKEN is not set")

    @pytest.mark.parametrize("wrong", ["bot_token", "app_token"])
    async def test_a_wrong_token_fails(self, wrong: str, tmp_path: Path) -> None:
        async with SlackSimulator() as slack:
            tokens = {"bot_token": slack.bot_token, "app_token": slack.app_token, wrong: "xoxb-wrong"}
            found = await findings(tmp_path, slack={"api_url": slack.api_url, **tokens})
        assert found["slack"].state is State.FAILED
        assert "invalid_auth" in found["slack"].sentence

    async def test_a_slack_that_cannot_be_reached_fails(self, tmp_path: Path) -> None:
        tokens = {"bot_token": "xoxb-1", "app_token": "xapp-1"}
        found = await findings(tmp_path, slack={"api_url": refusing(), **tokens})
        assert found["slack"].state is State.FAILED
        assert "cannot be reached" in found["slack"].sentence

    @pytest.mark.parametrize(("given", "missing"), [("bot_token", "SLACK_APP_TOKEN"), ("app_token", "SLACK_BOT_TOKEN")])
    async def test_one_token_without_the_other_fails_and_names_the_missing_one(
        self, given: str, missing: str, tmp_path: Path
    ) -> None:
        found = await findings(tmp_path, slack={given: "x"})
        assert found["slack"].state is State.FAILED
        assert found["slack"].sentence.startswith(f"{missing} is not set")
        assert found["slack"].sentence.endswith("; docs/slack-setup.md tells how to get it")


async def test_a_repository_without_markdown_is_no_mistake(git_folder: GitFolder) -> None:
    git_folder.commit("first", {"main.py": "pass\n"}, datetime.now(UTC))
    found = await examine(Settings.model_validate({"repositories": [{"name": "shop", "path": git_folder.path}]}))
    states = {one.system: one.state for one in found}
    assert (states["documents"], states["shop"]) == (State.OK, State.OK)


async def test_a_clone_that_lags_is_a_warning_that_says_what_to_do(
    git_folder: GitFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    git_folder.commit("first", {"main.py": "pass\n"}, NOW - timedelta(days=3))
    clone = tmp_path / "clone"
    git_folder.git("clone", "--quiet", f"file://{git_folder.path}", str(clone))
    mark = clone / ".git" / "sre-bot-fetched"
    mark.touch()
    fetched = (datetime.now(UTC) - timedelta(hours=3)).timestamp()
    os.utime(mark, (fetched, fetched))
    state = tmp_path / "state"
    for more, todo in (
        ({}, "set its fetch_seconds, or run `git fetch` in it on a schedule"),
        ({"fetch_seconds": 60}, "see in the log of `sre-bot serve` why fetching fails, or whether that runs at all"),
    ):
        repository = {"name": "shop", "path": clone, **more}
        assert await check(Settings.model_validate({"state_dir": state, "repositories": [repository]})) == 0
        (line,) = [line for line in capsys.readouterr().out.splitlines() if line.split()[1] == "shop"]
        assert line.split(maxsplit=2) == ["warn", "shop", f"last fetched 3 h ago; {todo}"]
    patient = {"name": "shop", "path": clone, "stale_after_seconds": 4 * 3600}
    found = await findings(tmp_path, repositories=[patient])
    assert found["shop"].state is State.OK
