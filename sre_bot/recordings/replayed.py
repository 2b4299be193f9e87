"""The sources of a recording, ready to be asked: a throw-away Prometheus, and all else out of memory."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sre_bot.catalogue import Catalogue
from sre_bot.first_look import Sources
from sre_bot.incident import Service
from sre_bot.recordings.openmetrics import copy_until
from sre_bot.recordings.sources import RecordedAlerts, RecordedChanges, RecordedLogs, RecordedMetrics, RecordedTraces
from sre_bot.servers import PrometheusServer, backfill_file
from sre_bot.sources.prometheus import PrometheusSource
from sre_bot.tools.find_metrics import find_metrics
from sre_bot.tools.find_traces import find_traces
from sre_bot.tools.list_alerts import list_alerts
from sre_bot.tools.list_changes import list_changes
from sre_bot.tools.query_metrics import query_metrics
from sre_bot.tools.search_logs import search_logs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable
    from datetime import datetime

    from sre_bot.recordings.format import Recording
    from sre_bot.recordings.openmetrics import Copied
    from sre_bot.tools.tool import Tool


@dataclass(frozen=True, slots=True)
class ReplayedSources:
    """What there is in a recording; None where it has no such file.

    ``changes`` is a Repository, a record of Deploys and one of Flags.
    """

    recording: Recording
    metrics: RecordedMetrics | None
    alerts: RecordedAlerts | None
    logs: RecordedLogs | None
    traces: RecordedTraces | None
    changes: RecordedChanges | None

    def tools(self) -> Iterable[Tool[Any]]:
        """What the model may ask; of what was not recorded there is no tool."""
        if self.metrics:
            yield query_metrics([self.metrics])
            yield find_metrics([self.metrics])
        if self.alerts:
            yield list_alerts([self.alerts], [self.alerts], made_at=self.recording.asked_at)
        if self.changes:
            yield list_changes([self.changes], [self.changes])
        if self.logs:
            yield search_logs([self.logs])
        if self.traces:
            yield find_traces([self.traces])

    def to_look_at(self) -> Sources:
        """As the first look wants them."""
        environment = self.recording.environment
        watched = [source.name for source in (self.metrics, self.alerts) if source]
        return Sources(
            metrics=[self.metrics] if self.metrics else [],
            alerts=[self.alerts] if self.alerts else [],
            histories=[self.alerts] if self.alerts else [],
            repositories=[self.changes] if self.changes else [],
            deploys=self.changes,
            environments=dict.fromkeys(watched, environment) if environment else {},
            catalogue=Catalogue.of(Service(name) for name in self.recording.services),
        )


@contextlib.asynccontextmanager
async def replayed(recording: Recording) -> AsyncIterator[ReplayedSources]:
    """The sources of a recording; what runs for them ends with the context.

    Raises:
        BadInputError: the recorded samples are not as they should be; names the file and the line.
        ConfigurationError: Prometheus or promtool is not installed.
        SourceUnavailableError: Prometheus does not come up.
    """
    async with contextlib.AsyncExitStack() as stack:
        metrics = await stack.enter_async_context(_filled(recording, recording.metrics)) if recording.metrics else None
        environment = recording.environment
        yield ReplayedSources(
            recording=recording,
            metrics=metrics,
            alerts=None if recording.alerts is None else RecordedAlerts(recording.alerts),
            logs=None if recording.logs is None else RecordedLogs(recording.logs, environment),
            traces=None if recording.spans is None else RecordedTraces(recording.spans, environment),
            changes=None if recording.changes is None else RecordedChanges(recording.changes),
        )


@contextlib.asynccontextmanager
async def _filled(recording: Recording, metrics: Path) -> AsyncIterator[RecordedMetrics]:
    """A Prometheus that knows the recorded samples up to the question."""
    with tempfile.TemporaryDirectory(prefix="sre-bot-replay-") as place:
        folder = Path(place)
        samples = folder / "samples.om"
        copied = await asyncio.to_thread(_copy, metrics, recording.asked_at, samples)
        await backfill_file(samples, folder)
        samples.unlink()
        async with PrometheusServer(folder) as server:
            source = PrometheusSource(server.url, environment=recording.environment)
            try:
                yield RecordedMetrics(source, copied.metadata(recording.metadata))
            finally:
                await source.aclose()


def _copy(metrics: Path, until: datetime, samples: Path) -> Copied:
    with samples.open("wb") as out:
        return copy_until(metrics, until, out)
