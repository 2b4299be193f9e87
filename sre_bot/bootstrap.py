"""Knows everyone: builds the parts from the settings and puts them together.

It loads neither Slack nor the workflow engine: ``serve`` adds those.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from sre_bot.agent.budget import Limits
from sre_bot.agent.claude import Claude
from sre_bot.agent.prompt import load as load_prompt
from sre_bot.catalogue import Catalogue
from sre_bot.first_look import FirstLook, Sources
from sre_bot.incident import Service
from sre_bot.investigation import Claim, rewritten
from sre_bot.sources.alertmanager import AlertmanagerSource
from sre_bot.sources.backstage import read_backstage
from sre_bot.sources.deploys import DeployFile
from sre_bot.sources.document_collections import FolderDocuments, RepositoryDocuments
from sre_bot.sources.documents import DocumentLibrary
from sre_bot.sources.fetching import Clone, Fetcher
from sre_bot.sources.loki import LokiSource
from sre_bot.sources.prometheus import PrometheusSource
from sre_bot.sources.repository import GitRepository
from sre_bot.sources.tempo import TempoSource
from sre_bot.tools.find_metrics import find_metrics
from sre_bot.tools.find_traces import find_traces
from sre_bot.tools.list_alerts import list_alerts
from sre_bot.tools.list_changes import list_changes
from sre_bot.tools.query_metrics import query_metrics
from sre_bot.tools.search_code import search_code
from sre_bot.tools.search_docs import search_docs
from sre_bot.tools.search_logs import search_logs
from sre_bot.tools.tool import Tool, Toolbox
from sre_bot.triage import Investigator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

    from pydantic import SecretStr

    from sre_bot.agent.looks import Toolset
    from sre_bot.investigation import Answer, JsonObject, Observation, Question
    from sre_bot.redaction import Redactor
    from sre_bot.settings import (
        AlertmanagerSettings,
        LokiSettings,
        PrometheusSettings,
        Settings,
        TempoSettings,
    )
    from sre_bot.sources.document_collections import Collection


class Checkable(Protocol):
    """What every source can do besides: say in a line how it does."""

    async def check(self) -> str:
        """One line. Raises SourceError."""
        ...


@dataclass(frozen=True, slots=True)
class ConfiguredSources:
    """The systems that are configured; each may be absent."""

    prometheus: PrometheusSource | None
    alertmanager: AlertmanagerSource | None
    loki: LokiSource | None
    tempo: TempoSource | None
    repositories: tuple[GitRepository, ...]
    deploys: DeployFile | None
    documents: DocumentLibrary | None

    def all(self) -> Iterable[tuple[str, Checkable]]:
        """Every source, by name."""
        single = (self.prometheus, self.alertmanager, self.loki, self.tempo, self.deploys, self.documents)
        return [(source.name, source) for source in (*single, *self.repositories) if source is not None]

    def absent(self) -> Iterable[tuple[str, str]]:
        """What is not configured, and how it would be."""
        if self.prometheus is None:
            yield "prometheus", "not configured: set PROMETHEUS_URL; without it there are no metrics"
        if self.alertmanager is None:
            yield "alertmanager", "not configured: set ALERTMANAGER_URL; without it nothing is known of silences"
        if self.loki is None:
            yield "loki", "not configured: set LOKI_URL to have logs as evidence"
        if self.tempo is None:
            yield "tempo", "not configured: set TEMPO_URL to have traces as evidence"
        if not self.repositories:
            yield "repositories", "none configured: name clones under `repositories` to have changes suspected"
        if self.deploys is None:
            yield "deploys", "not configured: name a file under `deploys` to know what was rolled out when"

    def tools(self, made_at: datetime) -> Iterable[Tool[Any]]:
        """What the model may ask; of what is not configured there is no tool."""
        metrics = [self.prometheus] if self.prometheus else []
        current = [self.alertmanager] if self.alertmanager else []
        deploys = [self.deploys] if self.deploys else []
        if metrics:
            yield query_metrics(metrics)
            yield find_metrics(metrics)
        if metrics or current:
            yield list_alerts(current, metrics, made_at=made_at)
        if self.repositories or deploys:
            yield list_changes(self.repositories, deploys)
        if self.repositories:
            yield search_code(self.repositories)
        if self.documents:
            yield search_docs(self.documents)
        if self.loki:
            yield search_logs([self.loki])
        if self.tempo:
            yield find_traces([self.tempo])

    def to_look_at(self) -> Sources:
        """As the first look wants them."""
        return Sources(
            metrics=[self.prometheus] if self.prometheus else (),
            alerts=[self.alertmanager] if self.alertmanager else (),
            histories=[self.prometheus] if self.prometheus else (),
            repositories=self.repositories,
            deploys=self.deploys,
        )


@contextlib.asynccontextmanager
async def sources(settings: Settings) -> AsyncIterator[ConfiguredSources]:
    """The configured systems; closed at the end. Nothing is asked of them yet."""
    async with contextlib.AsyncExitStack() as stack:
        repositories = tuple(GitRepository(r.path, name=r.name, web_url=r.web_url) for r in settings.repositories)
        parts = ConfiguredSources(
            prometheus=_prometheus(settings.prometheus),
            alertmanager=_alertmanager(settings.alertmanager),
            loki=_loki(settings.loki),
            tempo=_tempo(settings.tempo),
            repositories=repositories,
            deploys=DeployFile(settings.deploys.path, name=settings.deploys.name) if settings.deploys else None,
            documents=_documents(settings, repositories),
        )
        if parts.documents is not None:
            stack.push_async_callback(parts.documents.close)
        for closing in (parts.prometheus, parts.alertmanager, parts.loki, parts.tempo):
            if closing is not None:
                stack.push_async_callback(closing.aclose)
        yield parts


def _prometheus(settings: PrometheusSettings | None) -> PrometheusSource | None:
    if settings is None:
        return None
    return PrometheusSource(
        settings.url,
        name=settings.name,
        public_url=settings.public_url,
        token=_reveal(settings.token),
        timeout=settings.timeout_seconds,
    )


def _alertmanager(settings: AlertmanagerSettings | None) -> AlertmanagerSource | None:
    if settings is None:
        return None
    return AlertmanagerSource(
        settings.url,
        name=settings.name,
        public_url=settings.public_url,
        token=_reveal(settings.token),
        timeout=settings.timeout_seconds,
    )


def _loki(settings: LokiSettings | None) -> LokiSource | None:
    if settings is None:
        return None
    return LokiSource(
        settings.url,
        name=settings.name,
        token=_reveal(settings.token),
        tenant=settings.tenant,
        service_label=settings.service_label,
        level_label=settings.level_label,
        timeout=settings.timeout_seconds,
    )


def _tempo(settings: TempoSettings | None) -> TempoSource | None:
    if settings is None:
        return None
    return TempoSource(
        settings.url,
        name=settings.name,
        token=_reveal(settings.token),
        tenant=settings.tenant,
        timeout=settings.timeout_seconds,
    )


def _documents(settings: Settings, repositories: Sequence[GitRepository]) -> DocumentLibrary | None:
    """Markdown in the configured folders, and in the repositories."""
    collections: list[Collection] = [
        FolderDocuments(one.path, name=one.name, url_prefix=one.url) for one in settings.documents
    ]
    collections += [RepositoryDocuments(repository) for repository in repositories]
    return DocumentLibrary(collections) if collections else None


@contextlib.asynccontextmanager
async def fetching(settings: Settings) -> AsyncIterator[None]:
    """Fetch the repositories that are to be fetched, on their schedules, as long as the context is open."""
    async with contextlib.AsyncExitStack() as stack:
        for one in settings.repositories:
            if one.fetch_seconds > 0:
                fetcher = Fetcher([Clone(one.name, one.path, one.key_file)], every=one.fetch_seconds)
                await stack.enter_async_context(fetcher.running())
        yield


def claude(settings: Settings) -> Claude:
    """The configured model."""
    model = settings.model
    return Claude(model.name, api_key=_reveal(model.api_key), base_url=model.base_url)


@contextlib.asynccontextmanager
async def investigator(
    settings: Settings, redactor: Redactor, *, with_model: bool = True
) -> AsyncIterator[Investigator]:
    """An investigator over the configured systems; they are closed at the end.

    Whatever a source says is redacted here, before anyone (a checkpoint, a model, a thread) sees it.
    """
    async with contextlib.AsyncExitStack() as stack:
        parts = await stack.enter_async_context(sources(settings))
        model = await stack.enter_async_context(claude(settings)) if with_model and settings.model.configured else None
        look = FirstLook(parts.to_look_at(), now=lambda: datetime.now(UTC))

        known = catalogue(settings)

        async def first_look(question: Question) -> Answer:
            return rewritten(_with_owner(await look(question), known), redactor.redact)

        def toolset(at: datetime) -> Toolset:
            return _Redacted(Toolbox(parts.tools(datetime.now(UTC)), at), redactor)

        limits = settings.model.limits
        yield Investigator(
            first_look=first_look,
            toolset=toolset,
            model=model,
            prompt=load_prompt("investigator"),
            limits=Limits(
                steps=limits.steps,
                tool_calls=limits.tool_calls,
                tokens=limits.tokens,
                seconds=limits.seconds,
                usd=limits.usd,
            ),
            redact=redactor.redact,
            clock=time.monotonic,
        )


def catalogue(settings: Settings) -> Catalogue:
    """The services of the catalogue files and of the configuration.

    Raises:
        ConfigurationError: a file cannot be read, or is no catalogue.
    """
    files = (read_backstage(path) for path in settings.catalogue_files)
    configured = (Service(name, **one.model_dump()) for name, one in settings.services.items())
    return Catalogue.of(*files, configured)


def _with_owner(answer: Answer, known: Catalogue) -> Answer:
    """The answer, with what the catalogue knows of the service to blame among the next steps: whom to call."""
    cause = answer.report.hypotheses[0] if answer.report.hypotheses else None
    told = known.described([cause.service]) if cause is not None and cause.service else ""
    if not told:
        return answer
    return replace(answer, report=replace(answer.report, next_steps=(*answer.report.next_steps, Claim(told))))


def link_hosts(settings: Settings) -> frozenset[str]:
    """Hosts that a link in an answer may lead to: those of the configured systems, and those configured as such."""
    urls = [one.web_url for one in settings.repositories] + [one.url for one in settings.documents]
    urls += [part.public_url or part.url for part in (settings.prometheus, settings.alertmanager) if part is not None]
    hosts = (_host(url) for url in urls if url)
    return frozenset(host for host in (*hosts, *map(str.lower, settings.link_hosts)) if host)


def _host(url: str) -> str:
    """As links spell it: in lower case, without login, and with its port only when that is not the scheme's."""
    parts = urlsplit(url.lower())
    return parts.netloc.rpartition("@")[2].removesuffix(":443" if parts.scheme == "https" else ":80")


@dataclass(frozen=True, slots=True)
class _Redacted:
    """A toolset whose answers hold no secrets."""

    toolset: Toolset
    redactor: Redactor

    @property
    def definitions(self) -> Sequence[JsonObject]:
        return self.toolset.definitions

    async def look(self, name: str, arguments: JsonObject) -> Observation:
        return rewritten(await self.toolset.look(name, arguments), self.redactor.redact)


def _reveal(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
