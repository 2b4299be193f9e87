"""The sources of a recording answer as the live ones would have, at the moment of its question."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, cast

import pytest

from sre_bot import recordings
from sre_bot.errors import BadInputError, QueryRefusedError
from sre_bot.incident import AlertState, LogFilter, LogLevel, TimeWindow
from sre_bot.investigation import Question
from sre_bot.tools.tool import Toolbox
from tests.conftest import GitFolder
from tests.recordings import written
from tests.recordings.written import ASKED_AT, CHANGES, NEW, OLD, at, span, write

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sre_bot.investigation import JsonValue
    from sre_bot.recordings.replayed import ReplayedSources
    from sre_bot.recordings.sources import RecordedAlerts, RecordedChanges, RecordedLogs, RecordedTraces

DAY = TimeWindow.before(ASKED_AT, timedelta(days=1))


@pytest.fixture
async def sources(tmp_path: Path) -> AsyncIterator[ReplayedSources]:
    """A whole recording but for its metrics."""
    write(tmp_path)
    (tmp_path / "metrics.om.gz").unlink()
    async with recordings.replayed(recordings.read(tmp_path)) as replayed:
        yield replayed


def bundle(folder: Path, source: GitFolder) -> None:
    source.git("bundle", "create", str(folder / "repo.bundle"), "HEAD", "main")


class TestAlerts:
    async def test_what_fires_is_told_as_by_an_alertmanager_and_the_past_as_by_a_prometheus(
        self, sources: ReplayedSources
    ) -> None:
        alerts = cast("RecordedAlerts", sources.alerts)
        assert [alert.name for alert in await alerts.current()] == ["CheckoutErrors"]
        assert [alert.name for alert in await alerts.history(DAY)] == ["CheckoutErrors", "DiskFull"]
        assert alerts.alerts_url() == ""

    async def test_an_earlier_window_is_told_of_as_of_its_end(self, sources: ReplayedSources) -> None:
        alerts = cast("RecordedAlerts", sources.alerts)
        [disk] = await alerts.history(TimeWindow.before(ASKED_AT - timedelta(minutes=100), timedelta(hours=1)))
        assert (disk.name, disk.ended_at, disk.state) == ("DiskFull", None, AlertState.FIRING)
        assert await alerts.history(TimeWindow.before(ASKED_AT - timedelta(minutes=20), timedelta(hours=1))) == []


class TestLogs:
    async def test_lines_of_a_window_are_given_in_either_order_and_counted(self, sources: ReplayedSources) -> None:
        logs, window = cast("RecordedLogs", sources.logs), TimeWindow.before(ASKED_AT, timedelta(minutes=30))
        oldest = await logs.lines(window, LogFilter(), limit=2)
        newest = await logs.lines(window, LogFilter(), limit=2, newest_first=True)
        assert ([line.message for line in newest.lines], newest.total) == (["no connection left", "order placed"], 21)
        assert (oldest.lines[0].time, oldest.truncated) == (window.start, True)
        bad = await logs.lines(window, LogFilter(at_least=LogLevel.ERROR), limit=2)
        assert (len(bad.lines), bad.truncated) == (1, False)
        assert await logs.services(window) == ["checkout"]


class TestTraces:
    async def test_traces_are_found_by_what_happened_in_a_service(self, tmp_path: Path) -> None:
        fine: dict[str, JsonValue] = {"status": "OK", "error": None}
        slow = span(at(minutes=3), 70_000, "r", trace="t3") | fine
        spans = [*written.SPANS, span(at(minutes=5), 20, trace="t2") | fine | {"service": "web"}, slow]
        write(tmp_path, spans=spans)
        (tmp_path / "metrics.om.gz").unlink()
        async with recordings.replayed(recordings.read(tmp_path)) as sources:
            traces = cast("RecordedTraces", sources.traces)
            assert [head.trace_id for head in await traces.search(DAY, "checkout", limit=9)] == ["t3", "t1"]
            assert [head.trace_id for head in await traces.search(DAY, "checkout", limit=1)] == ["t3"]
            assert [head.trace_id for head in await traces.search(DAY, "checkout", limit=9, failed=True)] == ["t1"]
            assert [head.name for head in await traces.search(DAY, "checkout", limit=9, route="step r")] == ["step r"]
            longer = await traces.search(DAY, "checkout", limit=9, longer_than=timedelta(minutes=1))
            assert [head.trace_id for head in longer] == ["t3"]
            with pytest.raises(QueryRefusedError, match="there is no such trace"):
                await traces.spans("t9")

    async def test_a_trace_whose_root_was_not_over_is_known_by_its_other_spans(self, tmp_path: Path) -> None:
        write(tmp_path, spans=[span(at(minutes=1), 90_000), span(at(minutes=1), 50, "b", "a", "same")])
        (tmp_path / "metrics.om.gz").unlink()
        async with recordings.replayed(recordings.read(tmp_path)) as sources:
            traces = cast("RecordedTraces", sources.traces)
            [head] = await traces.search(DAY, "checkout", limit=9)
            assert (head.name, head.duration) == ("step b", timedelta(milliseconds=50))
            assert [one.span_id for one in await traces.spans("t1")] == ["b"]


class TestChanges:
    async def test_commits_deploys_and_flags_are_told_newest_first(self, sources: ReplayedSources) -> None:
        changes = cast("RecordedChanges", sources.changes)
        assert [commit.revision for commit in await changes.commits(DAY)] == [NEW, OLD]
        assert [deploy.revision for deploy in await changes.deploys(DAY)] == [NEW, OLD]
        assert [flag.title for flag in await changes.flags(DAY)] == ["new_rail off->on"]
        assert await changes.tags(DAY) == []
        assert (await changes.freshness(), await changes.stale(ASKED_AT), changes.commit_url(NEW)) == (None, None, None)

    async def test_a_deploy_carries_what_was_committed_since_the_one_before(self, sources: ReplayedSources) -> None:
        seen = await Toolbox(sources.tools(), ASKED_AT).look("list_changes", {})
        assert f"14:45:00 deploy checkout v2 at revision {NEW}; carries 1" in seen.content
        assert "Feature flags turned:\n- 14:30:00 new_rail off->on (checkout) by cy" in seen.content

    async def test_a_diff_stands_under_its_message_and_files(self, sources: ReplayedSources) -> None:
        changes = cast("RecordedChanges", sources.changes)
        assert await changes.diff(NEW[:8]) == (
            f"commit {NEW}\nAuthor: bo\nDate:   2026-11-22T14:40:00+00:00\n\n"
            "pool of 2\n\nsaves memory\n\n checkout/pool.py\n\n-POOL = 20\n+POOL = 2\n"
        )

    async def test_that_a_diff_was_not_recorded_is_said(self, sources: ReplayedSources) -> None:
        told = await cast("RecordedChanges", sources.changes).diff(OLD)
        assert "[its diff is not in the recording, which says nothing about it]" in told

    @pytest.mark.parametrize(("revision", "why"), [("c" * 40, "no recorded commit begins with c"), ("", "more than")])
    async def test_an_unknown_or_doubtful_revision_is_refused(
        self, sources: ReplayedSources, revision: str, why: str
    ) -> None:
        changes = cast("RecordedChanges", sources.changes)
        with pytest.raises(QueryRefusedError, match=why):
            await changes.diff(revision)
        with pytest.raises(QueryRefusedError, match=why):
            await changes.between(OLD, revision)


class TestRepository:
    async def test_a_recorded_repository_is_asked_for_code_and_for_what_the_changes_do_not_tell(
        self, tmp_path: Path
    ) -> None:
        source = GitFolder(tmp_path / "source")
        base = source.commit("a base", {"pool.py": "POOL = 20\n"}, ASKED_AT - timedelta(hours=3))
        side = source.commit("not recorded", {"cart.py": "CART = 1\n"}, ASKED_AT - timedelta(hours=2))
        last = source.commit("pool of 2", {"pool.py": "POOL = 2\n"}, ASKED_AT - timedelta(hours=1))
        commits: list[JsonValue] = [
            {"sha": sha, "time": at(hours=hours), "message": "m", "files": [], "diff": None}
            for sha, hours in ((base, 3.0), (last, 1.0), ("d" * 40, 0.5))
        ]
        folder = write(tmp_path / "recording", changes={"commits": commits})
        (folder / "metrics.om.gz").unlink()
        bundle(folder, source)
        async with recordings.replayed(recordings.read(folder)) as sources:
            assert not [one for one in sources.recording.missing() if one.source == "code"]
            seen = await Toolbox(sources.tools(), ASKED_AT).look("search_code", {"pattern": "POOL"})
            changes = cast("RecordedChanges", sources.changes)
            assert "POOL = 2" in seen.content
            assert [commit.revision for commit in await changes.between(base, last)] == [last, side]
            assert [commit.revision for commit in await changes.between(last, "d" * 40)] == ["d" * 40]
            assert "-POOL = 20" in await changes.diff(last)
            assert "not in the recording" in await changes.diff("d" * 40)
            assert await changes.tags(DAY) == []

    async def test_without_recorded_changes_the_repository_tells_of_them(self, tmp_path: Path) -> None:
        source, folder = GitFolder(tmp_path / "source"), write(tmp_path / "recording")
        source.commit("pool of 2", {"pool.py": "POOL = 2\n"}, ASKED_AT - timedelta(hours=1))
        bundle(folder, source)
        for name in ("metrics.om.gz", "changes.json"):
            (folder / name).unlink()
        async with recordings.replayed(recordings.read(folder)) as sources:
            seen = await Toolbox(sources.tools(), ASKED_AT).look("list_changes", {})
            assert "pool of 2" in seen.content
            assert [one.source for one in sources.recording.missing()] == ["metrics"]

    async def test_a_file_that_is_no_bundle_is_said_so(self, tmp_path: Path) -> None:
        (write(tmp_path) / "repo.bundle").write_text("# v2 git bundle\nbut no more\n")
        with pytest.raises(BadInputError, match=r"repo\.bundle: git cannot read it as a bundle with a HEAD"):
            async with recordings.replayed(recordings.read(tmp_path)):
                pass

    async def test_a_repository_of_later_is_said_so(self, tmp_path: Path) -> None:
        source, folder = GitFolder(tmp_path / "source"), write(tmp_path / "recording")
        source.commit("of tomorrow", {"a": ""}, ASKED_AT + timedelta(days=1))
        bundle(folder, source)
        with pytest.raises(BadInputError, match=r"repo\.bundle: has no commit of 2026-11-22 15:00:00Z or before"):
            async with recordings.replayed(recordings.read(folder)):
                pass


class TestDocuments:
    async def test_nothing_is_said_of_when_they_changed(self, sources: ReplayedSources) -> None:
        """The files may have been written long after the question, when the recording was copied."""
        seen = await Toolbox(sources.tools(), ASKED_AT).look("search_docs", {"query": "connection pool"})
        assert "docs: checkout.md › Checkout\nWhen there is no connection left, look at the pool." in seen.content
        assert seen.links == ()


class TestWhatIsMissing:
    async def test_of_what_was_not_recorded_there_is_no_tool_and_the_first_look_names_it(self, tmp_path: Path) -> None:
        write(tmp_path)
        for name in written.FILES[1:]:
            (tmp_path / name).unlink()
        (tmp_path / "docs" / "checkout.md").unlink()
        (tmp_path / "docs").rmdir()
        recording = recordings.read(tmp_path)
        async with recordings.replayed(recording) as sources:
            assert list(sources.tools()) == []
            answer = await sources.first_look(Question(recording.question, recording.asked_at))
        assert answer.report.missing == recording.missing()
        assert len(recording.missing()) == 7

    async def test_the_environment_of_a_recording_is_that_of_its_sources(self, tmp_path: Path) -> None:
        write(tmp_path, head={**written.HEAD, "environment": "staging"})
        (tmp_path / "metrics.om.gz").unlink()
        async with recordings.replayed(recordings.read(tmp_path)) as sources:
            assert sources.to_look_at().environments == dict.fromkeys(("alerts", "logs", "traces"), "staging")
            assert sources.logs is not None
            assert sources.logs.environment == "staging"


@pytest.mark.real
@pytest.mark.usefixtures("prometheus_installed")
class TestMetrics:
    async def test_they_are_asked_of_a_prometheus_that_knows_them(self, tmp_path: Path) -> None:
        async with recordings.replayed(recordings.read(write(tmp_path))) as sources:
            toolbox = Toolbox(sources.tools(), ASKED_AT)
            found = await toolbox.look("find_metrics", {"service": "checkout"})
            assert "http_requests_total (counter, requests, 2 series)" in found.content
            assert sources.metrics is not None
            assert await sources.metrics.rules() == sources.recording.rules
            assert sources.metrics.graph_url("up", DAY) == ""
            query = 'sum(increase(http_requests_total{code="500"}[10m]))'
            asked = await toolbox.look("query_metrics", {"query": query})
            assert (asked.failed, asked.links) == (False, ())
            answer = await sources.first_look(Question("what is wrong with checkout?", ASKED_AT))
        assert all(one.observation.links == () for one in answer.evidence)
        assert [one.source for one in answer.report.missing] == ["code"]

    async def test_samples_that_promtool_refuses_are_said_so(self, tmp_path: Path) -> None:
        write(tmp_path, metrics=[f'up{{a="1",a="2"}} 1 {int(ASKED_AT.timestamp())}', "# EOF"])
        with pytest.raises(BadInputError, match=r"metrics\.om\.gz: promtool cannot backfill .*is not unique"):
            async with recordings.replayed(recordings.read(tmp_path)):
                pass

    async def test_without_any_sample_of_before_the_question_there_is_nothing_to_see(self, tmp_path: Path) -> None:
        later = int(ASKED_AT.timestamp()) + 60
        write(tmp_path, metrics=[f"up 1 {later}", "# EOF"])
        async with recordings.replayed(recordings.read(tmp_path)) as sources:
            seen = await Toolbox(sources.tools(), ASKED_AT).look("find_metrics", {"name": "up"})
        assert "up (" not in seen.content


def test_changes_need_no_list_of_each(tmp_path: Path) -> None:
    recording = recordings.read(write(tmp_path, changes={"commits": CHANGES["commits"]}))
    assert recording.changes is not None
    assert (recording.changes.deploys, recording.changes.flags) == ((), ())
