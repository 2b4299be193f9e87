"""The first look at a past incident in a real Prometheus, with a real repository and a real record of deploys."""

from __future__ import annotations

import json
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from sre_bot.agent.verify import verify
from sre_bot.first_look import FirstLook, Sources
from sre_bot.investigation import CauseKind, Question
from sre_bot.render.summary import since
from sre_bot.servers import PrometheusServer, backfill
from sre_bot.sources.deploys import DeployFile
from sre_bot.sources.prometheus import PrometheusSource
from sre_bot.sources.repository import GitRepository
from tests.fakes import FakeCurrentAlerts
from tests.first_look.past_incident import PastIncident
from tests.first_look.scenes import words

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sre_bot.investigation import Answer
    from tests.conftest import GitFolder

INCIDENT = PastIncident()


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=[15, 60], ids=["15 s", "60 s"])
async def prometheus_url(
    prometheus_installed: None, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> AsyncIterator[str]:
    """A Prometheus that scraped this often."""
    folder = tmp_path_factory.mktemp("prometheus")
    await backfill(replace(INCIDENT, scrape=request.param).openmetrics(), folder)
    async with PrometheusServer(folder) as running:
        yield running.url


@pytest.fixture
def history(git_folder: GitFolder) -> GitFolder:
    """A shop whose checkout got a new commit twenty minutes before it failed."""
    git_folder.commit("Import the shop", {"web/app.py": "", "checkout/app.py": ""}, INCIDENT.at - timedelta(days=3))
    git_folder.commit(
        "checkout: fewer connections", {"checkout/config.yaml": "pool: 1"}, INCIDENT.onset - timedelta(minutes=20)
    )
    return git_folder


def deployed(history: GitFolder, tmp_path: Path) -> DeployFile:
    """Checkout was deployed two minutes before the onset, web three minutes after it."""
    first, second = history.git("rev-parse", "HEAD~"), history.git("rev-parse", "HEAD")
    deploys = [
        (INCIDENT.at - timedelta(days=2), "checkout", first),
        (INCIDENT.at - timedelta(days=2), "web", first),
        (INCIDENT.onset - timedelta(minutes=2), "checkout", second),
        (INCIDENT.onset + timedelta(minutes=3), "web", second),
    ]
    file = tmp_path / "deploys.ndjson"
    lines = [json.dumps({"time": time.isoformat(), "service": service, "sha": sha}) for time, service, sha in deploys]
    file.write_text("\n".join(lines) + "\n")
    return DeployFile(file)


async def asked(url: str, text: str, at: datetime, repository: GitRepository, deploys: DeployFile) -> Answer:
    async with aclosing(PrometheusSource(url)) as metrics:
        sources = Sources([metrics], [FakeCurrentAlerts()], [metrics], (repository,), deploys)
        return await FirstLook(sources, now=lambda: datetime.now(UTC), deadline=20)(Question(text, at))


@pytest.mark.real
class TestReal:
    async def test_the_culprit_of_a_past_incident(
        self, prometheus_url: str, history: GitFolder, tmp_path: Path
    ) -> None:
        repository, deploys = GitRepository(history.path, name="shop"), deployed(history, tmp_path)
        answer = await asked(prometheus_url, "web is failing?", INCIDENT.at, repository, deploys)
        report = answer.report
        assert report.missing == ()
        best = report.hypotheses[0]
        assert (best.service, best.kind) == ("checkout", CauseKind.CONFIG)
        assert best.change == history.git("rev-parse", "HEAD")
        assert "The calls that fail or take long lead web → checkout." in words(answer)
        began = since(answer)
        assert began is not None
        assert abs(began - INCIDENT.onset) <= timedelta(seconds=60)
        assert report.what[1].text.startswith("checkout, since about 11:")
        assert "fails 40 % of its requests (500, was 0 %) and takes " in report.what[1].text
        assert "Firing: ErrorsHigh (critical, checkout) since 11:4" in words(answer)
        assert report.next_steps[0].text.startswith(f"Roll back checkout to {history.git('rev-parse', 'HEAD~')[:10]}")
        assert "Requests: web as before, 20/s." in words(answer)
        assert verify(report, answer.evidence, INCIDENT.at).unverified == ()

    async def test_before_it_began_nothing_looked_wrong(
        self, prometheus_url: str, history: GitFolder, tmp_path: Path
    ) -> None:
        before = INCIDENT.onset - timedelta(minutes=1)
        repository, deploys = GitRepository(history.path, name="shop"), deployed(history, tmp_path)
        answer = await asked(prometheus_url, "web is failing?", before, repository, deploys)
        assert answer.report.hypotheses == ()
        assert answer.report.what[0].text.startswith("Nothing looks wrong: no alert fires, and web does as before")
