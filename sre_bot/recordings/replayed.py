"""The sources of a recording, ready to be asked: a throw-away Prometheus, and all else out of memory."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sre_bot.catalogue import Catalogue
from sre_bot.errors import BadInputError
from sre_bot.first_look import FirstLook, Sources
from sre_bot.incident import Service
from sre_bot.recordings.documents import RecordedDocuments
from sre_bot.recordings.openmetrics import copy_until
from sre_bot.recordings.reading import fault
from sre_bot.recordings.sources import RecordedAlerts, RecordedChanges, RecordedLogs, RecordedMetrics, RecordedTraces
from sre_bot.recordings.unbundled import unbundled
from sre_bot.servers import PrometheusServer, backfill_file
from sre_bot.sources import sentences
from sre_bot.sources.documents import DocumentLibrary
from sre_bot.sources.prometheus import PrometheusSource
from sre_bot.tools.find_metrics import find_metrics
from sre_bot.tools.find_traces import find_traces
from sre_bot.tools.list_alerts import list_alerts
from sre_bot.tools.list_changes import list_changes
from sre_bot.tools.query_metrics import query_metrics
from sre_bot.tools.search_code import search_code
from sre_bot.tools.search_docs import search_docs
from sre_bot.tools.search_logs import search_logs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
    from datetime import datetime

    from sre_bot.investigation import Answer, Observation, Question
    from sre_bot.recordings.format import Recording
    from sre_bot.recordings.openmetrics import Copied
    from sre_bot.sources.repository import GitRepository
    from sre_bot.tools.changes import Repository
    from sre_bot.tools.tool import Tool


@dataclass(frozen=True, slots=True)
class ReplayedSources:
    """What there is in a recording; None where it has no such file.

    ``changes`` is a Repository and, where they are known, a record of Deploys and one of Flags.
    """

    recording: Recording
    metrics: RecordedMetrics | None
    alerts: RecordedAlerts | None
    logs: RecordedLogs | None
    traces: RecordedTraces | None
    changes: RecordedChanges | None
    code: GitRepository | None
    documents: DocumentLibrary | None

    @property
    def repository(self) -> Repository | None:
        """Who knows the commits: the recorded changes, or else the recorded repository."""
        return self.changes or self.code

    def tools(self) -> Iterable[Tool[Any]]:
        """What the model may ask; of what was not recorded there is no tool, and no link, as it would lead nowhere."""
        return (replace(tool, ask=_unlinked(tool)) for tool in self._tools())

    def _tools(self) -> Iterable[Tool[Any]]:
        if self.metrics:
            yield query_metrics([self.metrics])
            yield find_metrics([self.metrics])
        if self.alerts:
            yield list_alerts([self.alerts], [self.alerts], made_at=self.recording.asked_at)
        if self.repository:
            records = [self.changes] if self.changes else []
            yield list_changes([self.repository], records, records)
        if self.code:
            yield search_code([self.code])
        if self.documents:
            yield search_docs(self.documents)
        if self.logs:
            yield search_logs([self.logs])
        if self.traces:
            yield find_traces([self.traces])

    async def first_look(self, question: Question) -> Answer:
        """The first look as of the recording's moment; names what the recording does not have as missing."""
        look = FirstLook(self.to_look_at(), now=lambda: self.recording.asked_at)
        answer = await look(question)
        evidence = tuple(replace(one, observation=replace(one.observation, links=())) for one in answer.evidence)
        missing = self.recording.missing()
        absent = {name for one in missing for name in _ALSO_CALLED.get(one.source, (one.source,))}
        missing += tuple(one for one in answer.report.missing if one.source not in absent)
        return replace(answer, evidence=evidence, report=replace(answer.report, missing=missing))

    def to_look_at(self) -> Sources:
        """As the first look wants them."""
        environment = self.recording.environment
        watched = [source.name for source in (self.metrics, self.alerts, self.logs, self.traces) if source]
        return Sources(
            metrics=[self.metrics] if self.metrics else [],
            alerts=[self.alerts] if self.alerts else [],
            histories=[self.alerts] if self.alerts else [],
            repositories=[self.repository] if self.repository else [],
            deploys=self.changes,
            logs=[self.logs] if self.logs else [],
            traces=[self.traces] if self.traces else [],
            documents=self.documents,
            rules=[self.metrics] if self.metrics else [],
            environments=dict.fromkeys(watched, environment) if environment else {},
            catalogue=Catalogue.of(Service(name) for name in self.recording.services),
        )


_ALSO_CALLED = {"metrics": ("prometheus",), "alerts": ("alertmanager",), "logs": ("loki",), "traces": ("tempo",)}
"""What the first look calls a source that is missing."""


def _unlinked(tool: Tool[Any]) -> Callable[[Any, datetime], Awaitable[Observation]]:
    async def ask(arguments: Any, at: datetime) -> Observation:
        return replace(await tool.ask(arguments, at), links=())

    return ask


@contextlib.asynccontextmanager
async def replayed(recording: Recording) -> AsyncIterator[ReplayedSources]:
    """The sources of a recording; what runs for them ends with the context.

    Raises:
        BadInputError: the recorded samples or the repository are not as they should be; names the file.
        ConfigurationError: Prometheus or promtool is not installed.
        SourceUnavailableError: Prometheus does not come up, or git is not installed.
    """
    environment = recording.environment
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sre-bot-replay-")))
        code = await unbundled(recording.bundle, recording.asked_at, folder) if recording.bundle else None
        metrics = None
        if recording.metrics:
            metrics = await stack.enter_async_context(_filled(recording, recording.metrics, folder))
        documents = None
        if recording.documents:
            collections = [RecordedDocuments(recording.documents)]
            documents = DocumentLibrary(collections, sentences=sentences.installed())
            stack.push_async_callback(documents.close)
        yield ReplayedSources(
            recording=recording,
            metrics=metrics,
            alerts=None if recording.alerts is None else RecordedAlerts(recording.alerts),
            logs=None if recording.logs is None else RecordedLogs(recording.logs, environment),
            traces=None if recording.spans is None else RecordedTraces(recording.spans, environment),
            changes=None if recording.changes is None else RecordedChanges(recording.changes, code),
            code=code,
            documents=documents,
        )


@contextlib.asynccontextmanager
async def _filled(recording: Recording, metrics: Path, folder: Path) -> AsyncIterator[RecordedMetrics]:
    """A Prometheus that knows the recorded samples up to the question."""
    samples, data = folder / "samples.om", folder / "prometheus"
    copied = await asyncio.to_thread(_copy, metrics, recording.asked_at, samples)
    try:
        await backfill_file(samples, data)
    except BadInputError as error:  # it has its own idea of a number, say
        raise fault(metrics, None, str(error)) from error
    await asyncio.to_thread(samples.unlink)
    async with PrometheusServer(data) as server:
        source = PrometheusSource(server.url, environment=recording.environment)
        try:
            yield RecordedMetrics(source, copied.metadata(recording.metadata), recording.rules)
        finally:
            await source.aclose()


def _copy(metrics: Path, until: datetime, samples: Path) -> Copied:
    with samples.open("wb") as out:
        return copy_until(metrics, until, out)
