"""The configured systems as sources, and the tools over them. What is not configured is not imported either."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from sre_bot.first_look import Sources
from sre_bot.incident import SERVICE_LABELS
from sre_bot.sources.access import Access
from sre_bot.sources.alertmanager import AlertmanagerSource
from sre_bot.sources.prometheus import PrometheusSource
from sre_bot.tools.find_metrics import find_metrics
from sre_bot.tools.list_alerts import list_alerts
from sre_bot.tools.query_metrics import query_metrics
from sre_bot.tools.replicas import PATIENCE, Alertmanagers, AlertRecords

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
    from datetime import datetime

    from pydantic import SecretStr

    from sre_bot.catalogue import Catalogue
    from sre_bot.endpoints import AlertmanagerSettings, LokiSettings, PrometheusSettings, TempoSettings
    from sre_bot.endpoints import Endpoint as EndpointSettings
    from sre_bot.settings import DeploysSettings, RepositorySettings, Settings
    from sre_bot.sources.deploys import DeployFile
    from sre_bot.sources.document_collections import Collection
    from sre_bot.sources.documents import DocumentLibrary
    from sre_bot.sources.fetching import Fetcher
    from sre_bot.sources.loki import LokiSource
    from sre_bot.sources.repository import GitRepository
    from sre_bot.sources.tempo import TempoSource
    from sre_bot.tools.alerts import AlertHistory, CurrentAlerts
    from sre_bot.tools.several import Source
    from sre_bot.tools.tool import Tool


class Checkable(Protocol):
    """What every source can do besides: say in a line how it does."""

    @property
    def name(self) -> str:
        """As configured."""
        ...

    async def check(self) -> str:
        """One line. Raises SourceError."""
        ...


class Endpoint(Checkable, Protocol):
    """What is asked over HTTP."""

    async def aclose(self) -> None:
        """Close its connections."""
        ...


@dataclass(frozen=True, slots=True)
class ConfiguredSources:
    """The systems that are configured; each may be absent."""

    prometheus: tuple[PrometheusSource, ...]
    alertmanager: tuple[AlertmanagerSource, ...]
    loki: tuple[LokiSource, ...]
    tempo: tuple[TempoSource, ...]
    repositories: tuple[GitRepository, ...]
    deploys: DeployFile | None
    documents: DocumentLibrary | None
    service_labels: tuple[str, ...] = SERVICE_LABELS

    def all(self) -> Iterable[tuple[str, Checkable]]:
        """Every source, by name."""
        for kind, endpoints in self.endpoints().items():
            for one in endpoints:
                yield one.name if kind in one.name else f"{one.name} ({kind})", one
        single = (self.deploys, self.documents)
        yield from ((source.name, source) for source in (*single, *self.repositories) if source is not None)

    def endpoints(self) -> Mapping[str, Sequence[Endpoint]]:
        """What is asked over HTTP, by kind."""
        return {
            "prometheus": self.prometheus,
            "alertmanager": self.alertmanager,
            "loki": self.loki,
            "tempo": self.tempo,
        }

    def absent(self) -> Iterable[tuple[str, str]]:
        """What is not configured, and how it would be."""
        if not self.prometheus:
            yield "prometheus", "not configured: set PROMETHEUS_URL; without it there are no metrics"
        if not self.alertmanager:
            yield "alertmanager", "not configured: set ALERTMANAGER_URL; without it nothing is known of silences"
        if not self.loki:
            yield "loki", "not configured: set LOKI_URL to have logs as evidence"
        if not self.tempo:
            yield "tempo", "not configured: set TEMPO_URL to have traces as evidence"
        if not self.repositories:
            yield "repositories", "none configured: name clones under `repositories` to have changes suspected"
        if self.deploys is None:
            yield "deploys", "not configured: name a file under `deploys` to know what was rolled out when"

    def tools(self, made_at: datetime) -> Iterable[Tool[Any]]:
        """What the model may ask; of what is not configured there is no tool."""
        deploys = [self.deploys] if self.deploys else []
        if self.prometheus:
            yield query_metrics(self.prometheus)
            yield find_metrics(self.prometheus)
        if self.prometheus or self.alertmanager:
            yield list_alerts(self.alertmanager, self.prometheus, made_at=made_at)
        if self.repositories or deploys:
            from sre_bot.tools.list_changes import list_changes

            yield list_changes(self.repositories, deploys)
        if self.repositories:
            from sre_bot.tools.search_code import search_code

            yield search_code(self.repositories)
        if self.documents:
            from sre_bot.tools.search_docs import search_docs

            yield search_docs(self.documents)
        if self.loki:
            from sre_bot.tools.search_logs import search_logs

            yield search_logs(self.loki)
        if self.tempo:
            from sre_bot.tools.find_traces import find_traces

            yield find_traces(self.tempo)

    def current_alerts(self) -> CurrentAlerts | None:
        """All Alertmanagers as one, for who asks in a hurry."""
        return Alertmanagers(self.alertmanager, patience=PATIENCE) if self.alertmanager else None

    def alert_history(self) -> AlertHistory | None:
        """All records of earlier alerts as one, for who asks in a hurry."""
        return AlertRecords(self.prometheus, patience=PATIENCE) if self.prometheus else None

    def to_look_at(self, known: Catalogue) -> Sources:
        """As the first look wants them."""
        watched: tuple[Source, ...] = (*self.prometheus, *self.alertmanager, *self.loki, *self.tempo)
        return Sources(
            metrics=self.prometheus,
            alerts=self.alertmanager,
            histories=self.prometheus,
            repositories=self.repositories,
            deploys=self.deploys,
            logs=self.loki,
            traces=self.tempo,
            documents=self.documents,
            rules=self.prometheus,
            service_labels=self.service_labels,
            environments={source.name: source.environment for source in watched if source.environment},
            catalogue=known,
        )


@contextlib.asynccontextmanager
async def sources(settings: Settings) -> AsyncIterator[ConfiguredSources]:
    """The configured systems; closed at the end. Nothing is asked of them yet."""
    async with contextlib.AsyncExitStack() as stack:
        repositories = tuple(map(_repository, settings.repositories))
        parts = ConfiguredSources(
            prometheus=tuple(map(_prometheus, settings.prometheus)),
            alertmanager=tuple(map(_alertmanager, settings.alertmanager)),
            loki=tuple(map(_loki, settings.loki)),
            tempo=tuple(map(_tempo, settings.tempo)),
            repositories=repositories,
            deploys=_deploys(settings.deploys) if settings.deploys else None,
            documents=_documents(settings, repositories),
            service_labels=tuple(dict.fromkeys((*settings.service_labels, *SERVICE_LABELS))),
        )
        for endpoints in parts.endpoints().values():
            for one in endpoints:
                stack.push_async_callback(one.aclose)
        if parts.documents is not None:
            stack.push_async_callback(parts.documents.close)
        yield parts


def _prometheus(one: PrometheusSettings) -> PrometheusSource:
    return PrometheusSource(
        one.url,
        name=one.name,
        public_url=one.public_url,
        access=_access(one),
        environment=one.environment,
        timeout=one.timeout_seconds,
    )


def _alertmanager(one: AlertmanagerSettings) -> AlertmanagerSource:
    return AlertmanagerSource(
        one.url,
        name=one.name,
        public_url=one.public_url,
        access=_access(one),
        environment=one.environment,
        timeout=one.timeout_seconds,
    )


def _loki(one: LokiSettings) -> LokiSource:
    from sre_bot.sources.loki import LokiSource

    return LokiSource(
        one.url,
        name=one.name,
        access=_access(one),
        environment=one.environment,
        service_label=one.service_label,
        level_label=one.level_label,
        timeout=one.timeout_seconds,
    )


def _tempo(one: TempoSettings) -> TempoSource:
    from sre_bot.sources.tempo import TempoSource

    return TempoSource(
        one.url,
        name=one.name,
        access=_access(one),
        environment=one.environment,
        timeout=one.timeout_seconds,
    )


def _access(one: EndpointSettings) -> Access:
    return Access(
        token=_reveal(one.token),
        username=one.username,
        password=_reveal(one.password),
        tenant=one.tenant,
        headers=one.headers,
        ca_file=one.ca_file,
        cert_file=one.cert_file,
        key_file=one.key_file,
    )


def _deploys(settings: DeploysSettings) -> DeployFile:
    from sre_bot.sources.deploys import DeployFile

    return DeployFile(settings.path, name=settings.name)


def _repository(settings: RepositorySettings) -> GitRepository:
    from sre_bot.sources.repository import GitRepository

    return GitRepository(
        settings.path,
        name=settings.name,
        web_url=settings.web_url,
        stale_after=timedelta(seconds=settings.stale_after),
        fetched_by_us=settings.fetch_seconds > 0,
    )


def _documents(settings: Settings, repositories: Sequence[GitRepository]) -> DocumentLibrary | None:
    """Markdown in the configured folders, and in the repositories that count."""
    of_documents = {one.name for one in settings.repositories if one.documents}
    if not (settings.documents or of_documents):
        return None
    from sre_bot.sources import sentences
    from sre_bot.sources.document_collections import FolderDocuments, RepositoryDocuments
    from sre_bot.sources.documents import DocumentLibrary

    collections: list[Collection] = [
        FolderDocuments(one.path, name=one.name, url_prefix=one.url) for one in settings.documents
    ]
    collections += [RepositoryDocuments(one) for one in repositories if one.name in of_documents]
    index = settings.state_dir / "documents.sqlite"
    return DocumentLibrary(collections, index=index, sentences=sentences.installed())


@contextlib.asynccontextmanager
async def fetching(settings: Settings) -> AsyncIterator[None]:
    """Fetch the repositories that are to be fetched, on their schedules, as long as the context is open."""
    async with contextlib.AsyncExitStack() as stack:
        for one in settings.repositories:
            if one.fetch_seconds > 0:
                await stack.enter_async_context(_fetcher(one).running())
        yield


def _fetcher(one: RepositorySettings) -> Fetcher:
    from sre_bot.sources.fetching import Clone, Fetcher

    return Fetcher([Clone(one.name, one.path, one.key_file)], every=one.fetch_seconds)


def _reveal(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
