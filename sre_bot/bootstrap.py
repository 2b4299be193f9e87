"""Knows everyone: builds the parts from the settings and puts them together.

It loads neither Slack nor the workflow engine: ``serve`` adds those.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sre_bot import configured
from sre_bot.agent.budget import Limits
from sre_bot.agent.claude import Claude
from sre_bot.agent.prompt import load as load_prompt
from sre_bot.catalogue import Catalogue
from sre_bot.first_look import FirstLook
from sre_bot.incident import Service
from sre_bot.investigation import rewritten
from sre_bot.sources.grafana import Explore
from sre_bot.tools.tool import Tool, Toolbox
from sre_bot.triage import Investigator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
    from pathlib import Path

    from sre_bot.agent.looks import Toolset
    from sre_bot.investigation import Answer, JsonObject, Observation, Question
    from sre_bot.redaction import Redactor
    from sre_bot.settings import Settings


def claude(settings: Settings) -> Claude:
    """The configured model."""
    model = settings.model
    key = model.api_key.get_secret_value() if model.api_key else None
    return Claude(model.name, api_key=key, base_url=model.base_url)


@contextlib.asynccontextmanager
async def investigator(
    settings: Settings, redactor: Redactor, *, with_model: bool = True
) -> AsyncIterator[Investigator]:
    """An investigator over the configured systems; they are closed at the end."""
    async with configured.sources(settings) as parts:
        times = settings.first_look
        look = FirstLook(
            parts.to_look_at(catalogue(settings)),
            now=lambda: datetime.now(UTC),
            deadline=times.seconds,
            latest=times.latest_seconds,
        )

        def tools() -> Iterable[Tool[Any]]:
            return parts.tools(datetime.now(UTC))

        async with investigator_over(settings, redactor, look, tools, with_model=with_model) as made:
            yield made


@contextlib.asynccontextmanager
async def investigator_over(
    settings: Settings,
    redactor: Redactor,
    look: Callable[[Question], Awaitable[Answer]],
    tools: Callable[[], Iterable[Tool[Any]]],
    *,
    with_model: bool,
) -> AsyncIterator[Investigator]:
    """An investigator with the configured model and limits, over whatever ``look`` and ``tools`` read from.

    Whatever a source says is redacted here, before anyone (a checkpoint, a model, a thread) sees it.
    """
    explore = _explore(settings)

    async def first_look(question: Question) -> Answer:
        answer = rewritten(await look(question), redactor.redact)
        return explore.answer(answer) if explore else answer

    def toolset(at: datetime) -> Toolset:
        return _Redacted(Toolbox(tools(), at), redactor, explore)

    limits = settings.model.limits
    async with contextlib.AsyncExitStack() as stack:
        model = await stack.enter_async_context(claude(settings)) if with_model and settings.model.configured else None
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
    files = map(_services, settings.catalogue_files)
    own = (Service(name, **one.model_dump()) for name, one in settings.services.items())
    return Catalogue.of(*files, own)


def _services(catalogue_file: Path) -> Sequence[Service]:
    from sre_bot.sources.backstage import read_backstage  # noqa: PLC0415 - only who has such files needs it

    return read_backstage(catalogue_file)


def _explore(settings: Settings) -> Explore | None:
    grafana = settings.grafana
    if grafana is None:
        return None
    known = ((one.public_url or one.url, one.grafana_datasource or grafana.datasource) for one in settings.prometheus)
    return Explore(grafana.url, {url: uid for url, uid in known if uid}, grafana.organisation)


def link_hosts(settings: Settings) -> frozenset[str]:
    """Hosts that a link in an answer may lead to: those of the configured systems, and those configured as such."""
    urls = [one.web_url for one in settings.repositories] + [one.url for one in settings.documents]
    urls += [one.public_url or one.url for one in settings.prometheus]
    urls += [one.public_url or one.url for one in settings.alertmanager]
    urls += [settings.grafana.url] if settings.grafana else []
    hosts = (_host(url) for url in urls if url)
    return frozenset(host for host in (*hosts, *map(str.lower, settings.link_hosts)) if host)


def _host(url: str) -> str:
    """As links spell it: in lower case, without login, and with its port only when that is not the scheme's."""
    parts = urlsplit(url.lower())
    return parts.netloc.rpartition("@")[2].removesuffix(":443" if parts.scheme == "https" else ":80")


@dataclass(frozen=True, slots=True)
class _Redacted:
    """A toolset whose answers hold no secrets, and links into Grafana where there is one."""

    toolset: Toolset
    redactor: Redactor
    explore: Explore | None

    @property
    def definitions(self) -> Sequence[JsonObject]:
        return self.toolset.definitions

    async def look(self, name: str, arguments: JsonObject) -> Observation:
        seen = rewritten(await self.toolset.look(name, arguments), self.redactor.redact)
        return self.explore.observation(seen) if self.explore else seen
