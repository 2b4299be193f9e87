"""The parts as the settings put them together; systems that are named here are never asked."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from sre_bot import bootstrap, configured
from sre_bot.incident import TimeWindow
from sre_bot.investigation import Question
from sre_bot.redaction import Redactor
from sre_bot.render.document import document
from sre_bot.render.safe import is_allowed
from sre_bot.settings import Settings, load
from sre_bot.tools.text import estimated_tokens
from tests.conftest import GitFolder

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime.now(UTC).replace(microsecond=0)
NOWHERE = "http://127.0.0.1:9"
TOOLS_OF_METRICS = {"query_metrics", "find_metrics", "list_alerts"}
TOOLS_OF_REPOSITORIES = {"list_changes", "search_code", "search_docs"}
KEY = "ghp_" + "a1B2c3D4e5F6" * 3
"""The shape of a GitHub token."""


def everything(folder: Path) -> dict[str, Any]:
    """All that can be configured to be looked at."""
    systems = ("prometheus", "alertmanager", "loki", "tempo")
    return {name: {"url": NOWHERE} for name in systems} | {
        "repositories": [{"name": "shop", "path": folder / "shop", "web_url": "https://git.example/shop"}],
        "documents": [{"name": "runbooks", "path": folder / "runbooks"}],
        "deploys": {"path": folder / "deploys.jsonl"},
        "model": {"name": "claude-test", "base_url": NOWHERE},
    }


async def tools(configured: dict[str, Any]) -> set[object]:
    """Names of the tools there are."""
    async with bootstrap.investigator(Settings.model_validate(configured), Redactor()) as investigator:
        return {one["name"] for one in investigator.toolset(NOW).definitions}


class TestTools:
    @pytest.mark.parametrize(
        ("configured", "expected"),
        [
            ((), set()),
            (("prometheus",), TOOLS_OF_METRICS),
            (("alertmanager",), {"list_alerts"}),
            (("loki",), {"search_logs"}),
            (("tempo",), {"find_traces"}),
            (("repositories",), TOOLS_OF_REPOSITORIES),
            (("documents",), {"search_docs"}),
            (("deploys",), {"list_changes"}),
            (("prometheus", "deploys"), TOOLS_OF_METRICS | {"list_changes"}),
        ],
    )
    async def test_there_is_a_tool_only_for_what_is_configured(
        self, configured: tuple[str, ...], expected: set[str], tmp_path: Path
    ) -> None:
        chosen = {name: section for name, section in everything(tmp_path).items() if name in configured}
        assert await tools(chosen) == expected

    async def test_a_repository_may_keep_its_markdown_out_of_the_documents(self, tmp_path: Path) -> None:
        shop = {"name": "shop", "path": tmp_path, "documents": False}
        assert await tools({"repositories": [shop]}) == TOOLS_OF_REPOSITORIES - {"search_docs"}
        wiki = {"name": "wiki", "path": tmp_path}
        assert await tools({"repositories": [shop, wiki]}) == TOOLS_OF_REPOSITORIES

    async def test_the_prompt_and_all_tools_leave_the_window_to_the_incident(self, tmp_path: Path) -> None:
        settings = Settings.model_validate(everything(tmp_path))
        async with bootstrap.investigator(settings, Redactor()) as investigator:
            definitions = investigator.toolset(NOW).definitions
            assert len(definitions) == 8
            said = investigator.prompt.text + json.dumps(list(definitions), ensure_ascii=False)
        assert estimated_tokens(said) <= 3_000

    async def test_two_of_each_leave_it_too_and_are_named_with_their_environment(self, tmp_path: Path) -> None:
        places = [("eu", "production"), ("stg", "staging")]
        systems = ("prometheus", "alertmanager", "loki", "tempo")
        several = {
            system: [{"name": f"{system}-{name}", "url": NOWHERE, "environment": place} for name, place in places]
            for system in systems
        }
        settings = Settings.model_validate(everything(tmp_path) | several)
        async with bootstrap.investigator(settings, Redactor()) as investigator:
            said = investigator.prompt.text + json.dumps(list(investigator.toolset(NOW).definitions))
        assert "prometheus-eu (production), prometheus-stg (staging)" in said
        assert estimated_tokens(said) <= 3_000


class TestSources:
    async def test_each_source_is_named_once_and_what_is_absent_tells_how_to_have_it(self, tmp_path: Path) -> None:
        async with configured.sources(Settings.model_validate(everything(tmp_path))) as parts:
            assert [name for name, _ in parts.all()] == [
                "prometheus", "alertmanager", "loki", "tempo", "deploys", "documents", "shop",
            ]  # fmt: skip
            assert not list(parts.absent())
        async with configured.sources(Settings()) as parts:
            assert not list(parts.all())
            absent = dict(parts.absent())
        assert set(absent) == {"prometheus", "alertmanager", "loki", "tempo", "repositories", "deploys"}
        assert "PROMETHEUS_URL" in absent["prometheus"]

    @pytest.mark.parametrize(
        ("model", "with_model", "name"),
        [
            ({"name": "claude-test", "api_key": "k"}, True, "claude-test"),
            ({"name": "claude-test", "base_url": NOWHERE}, True, "claude-test"),
            ({"name": "claude-test", "api_key": "k"}, False, None),
            ({"name": "first-look", "api_key": "k"}, True, None),
            ({"name": "claude-test"}, True, None),
        ],
    )
    async def test_the_model_is_there_when_configured_and_wanted(
        self, model: dict[str, str], *, with_model: bool, name: str | None
    ) -> None:
        settings = Settings.model_validate({"model": {**model, "limits": {"steps": 3}}})
        async with bootstrap.investigator(settings, Redactor(), with_model=with_model) as investigator:
            assert (investigator.model.name if investigator.model else None) == name
            assert investigator.limits.steps == 3


class TestRedaction:
    async def test_secrets_in_a_commit_reach_neither_the_tools_nor_the_first_look(self, git_folder: GitFolder) -> None:
        ours = "correct-horse-battery"
        git_folder.commit(f"web: rotate {KEY} and {ours}", {"web/app.py": f"token = '{KEY}'\n"}, NOW)
        settings = Settings.model_validate(
            {
                "repositories": [{"name": "shop", "path": git_folder.path}],
                "slack": {"bot_token": ours},
            }
        )
        redactor = Redactor(settings.credentials())
        at = NOW + timedelta(seconds=1)
        async with bootstrap.investigator(settings, redactor) as investigator:
            seen = await investigator.toolset(at).look("list_changes", {"last": "1h"})
            code = await investigator.toolset(at).look("search_code", {"pattern": "token"})
            first = await investigator.first_look(Question("what changed?", at))
        told = repr((seen, code, first)) + json.dumps(document(first))
        assert "web: rotate [redacted" in seen.content
        assert "web/app.py" in code.content
        assert KEY not in told
        assert ours not in told


class TestLinkHosts:
    def test_links_may_lead_to_the_configured_systems_as_people_reach_them_and_to_named_hosts(
        self, tmp_path: Path
    ) -> None:
        configured = everything(tmp_path) | {
            "prometheus": {"url": "http://10.0.0.1:9090", "public_url": "https://prometheus.example/graph"},
            "documents": [{"name": "runbooks", "path": tmp_path, "url": "https://wiki.example/runbooks"}],
            "link_hosts": ["blog.example"],
            "grafana": {"url": "https://grafana.example/g"},
        }
        assert bootstrap.link_hosts(Settings.model_validate(configured)) == {
            "prometheus.example", "127.0.0.1:9", "git.example", "wiki.example", "blog.example", "grafana.example",
        }  # fmt: skip

    def test_a_login_in_an_address_is_no_part_of_the_host(self) -> None:
        settings = Settings.model_validate({"prometheus": {"url": "http://reader:hunter22@prometheus.example:9090"}})
        assert bootstrap.link_hosts(settings) == {"prometheus.example:9090"}

    @pytest.mark.parametrize(
        "prometheus",
        [
            {"url": "http://Prometheus.Example:9090/Prefix/"},
            {"url": "https://prometheus.example:443"},
            {"url": "http://reader:hunter22@prometheus.example:80/"},
            {"url": "http://10.0.0.1:9090", "public_url": "https://Prometheus.Example:443/x"},
        ],
    )
    async def test_links_to_a_source_are_allowed_however_its_address_is_spelt(self, prometheus: dict[str, str]) -> None:
        settings = Settings.model_validate({"prometheus": prometheus})
        async with configured.sources(settings) as parts:
            [source] = parts.prometheus
            link = source.graph_url("up", TimeWindow.before(NOW, timedelta(hours=1)))
        assert is_allowed(link, bootstrap.link_hosts(settings)), link

    def test_nothing_configured_is_nowhere_to_lead_to(self) -> None:
        assert bootstrap.link_hosts(Settings()) == frozenset()


@pytest.mark.real
async def test_repositories_are_fetched_while_the_context_is_open_if_they_are_to_be(tmp_path: Path) -> None:
    remote = GitFolder(tmp_path / "remote")
    remote.commit("one", {"a": "1"}, NOW)
    for name in ("followed", "left"):
        remote.git("clone", "--quiet", f"file://{remote.path}", str(tmp_path / name))
    newest = remote.commit("two", {"a": "2"}, NOW)
    followed, left = GitFolder(tmp_path / "followed"), GitFolder(tmp_path / "left")
    repositories = [
        {"name": "followed", "path": followed.path, "fetch_seconds": 60},
        {"name": "left", "path": left.path},
    ]
    async with configured.fetching(Settings.model_validate({"repositories": repositories})), asyncio.timeout(60):
        while followed.git("rev-parse", "origin/main") != newest:  # noqa: ASYNC110 - another process fetches
            await asyncio.sleep(0.05)
    assert left.git("rev-parse", "origin/main") != newest


def test_the_catalogue_is_that_of_the_files_and_of_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "catalog-info.yaml").write_text("kind: Component\nmetadata: {name: checkout}\nspec: {owner: team-a}\n")
    config = tmp_path / "sre-bot.yaml"
    config.write_text("services: {checkout: {on_call: orders-oncall}}\ncatalogue_files: [catalog-info.yaml]\n")
    known = bootstrap.catalogue(load({"SRE_BOT_CONFIG": str(config)}))
    assert known.described(["checkout"]) == "checkout: owner team-a; on call orders-oncall"
