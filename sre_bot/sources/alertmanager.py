"""Alertmanager: what fires, is silenced or inhibited now; read only."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import datetime  # noqa: TC003 - pydantic reads annotations at run time
from typing import TYPE_CHECKING, TypeVar

import httpx
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from sre_bot.errors import SourceError, SourceUnavailableError
from sre_bot.incident import Alert, AlertState, utc
from sre_bot.sources.answers import read_json, unknown_form
from sre_bot.sources.environment import placed
from sre_bot.sources.outbound import Policy, PolicyTransport

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sre_bot.sources.access import Access

_ALERTS = "/api/v2/alerts"
_STATUS = "/api/v2/status"
_EVERYTHING = "?active=true&silenced=true&inhibited=true&unprocessed=true"

T = TypeVar("T")


class _Status(BaseModel):
    silenced_by: list[str] = Field(default=[], alias="silencedBy")
    inhibited_by: list[str] = Field(default=[], alias="inhibitedBy")


class _Alert(BaseModel):
    """An alert of ``/api/v2/alerts``."""

    labels: dict[str, str]
    annotations: dict[str, str] = {}
    starts_at: datetime = Field(alias="startsAt")
    generator_url: str | None = Field(default=None, alias="generatorURL")
    status: _Status = _Status()

    def alert(self) -> Alert:
        """It, in our words."""
        state = AlertState.FIRING
        if self.status.silenced_by:
            state = AlertState.SILENCED
        elif self.status.inhibited_by:
            state = AlertState.INHIBITED
        return Alert(
            name=self.labels.get("alertname", ""),
            labels=self.labels,
            annotations=self.annotations,
            started_at=utc(self.starts_at),
            state=state,
            generator_url=self.generator_url or None,
        )


class _Version(BaseModel):
    version: str = "unknown"


class _About(BaseModel):
    """``/api/v2/status``, as far as we read it."""

    version_info: _Version = Field(alias="versionInfo")


_ALERT_LIST = TypeAdapter(list[_Alert])
_ABOUT = TypeAdapter(_About)


class AlertmanagerSource:
    """An Alertmanager; fits CurrentAlerts.

    Args:
        url: its base URL; may have a path prefix and ``user:password@``.
        name: what the source is called in answers and errors.
        public_url: where people open it, if not at ``url``.
        access: how it lets us in.
        environment: the one whose data it holds, where it holds only one.
        timeout: seconds a whole exchange may take.
        transport: how requests are sent; the network by default.

    Raises:
        ConfigurationError: the URL or the access cannot be used.
    """

    def __init__(
        self,
        url: str,
        *,
        name: str = "alertmanager",
        public_url: str | None = None,
        access: Access | None = None,
        environment: str | None = None,
        timeout: float = 5.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.name, self.environment = name, environment
        self._policy = Policy.of(name, url, (_ALERTS, _STATUS), access=access, deadline=timeout)
        self._client = httpx.AsyncClient(transport=PolicyTransport(self._policy, transport), trust_env=False)
        self._public_url = (public_url or self._policy.url("")).rstrip("/")

    async def current(self) -> Sequence[Alert]:
        """All alerts it holds now: firing, silenced and inhibited; latest start first.

        Raises:
            SourceUnavailableError: it cannot be reached or answers with nonsense.
        """
        found = (wire.alert() for wire in await self._get(_ALERTS, _EVERYTHING, _ALERT_LIST))
        alerts = [replace(alert, labels=placed(alert.labels, self.environment)) for alert in found]
        return sorted(alerts, key=lambda alert: alert.started_at, reverse=True)

    def alerts_url(self) -> str:
        """Where a human sees them."""
        return f"{self._public_url}/#/alerts"

    async def check(self) -> str:
        """One line on how it does: its version and its alerts. Raises SourceError."""
        about, alerts = await asyncio.gather(self._get(_STATUS, "", _ABOUT), self.current())
        states = Counter(alert.state.value for alert in alerts)
        held = ", ".join(f"{count} {state}" for state, count in sorted(states.items())) or "no alerts"
        return f"version {about.version_info.version}; {held}"

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _get(self, path: str, query: str, form: TypeAdapter[T]) -> T:
        try:
            response = await self._client.get(self._policy.url(path) + query)
            return await asyncio.to_thread(self._read, response, form)  # ten thousand alerts take a while
        except ValidationError as error:
            sentence = unknown_form(error, "an Alertmanager of version 0.16 or later")
            raise SourceUnavailableError(self.name, sentence, query=path) from error
        except SourceError as error:
            raise type(error)(self.name, error.message, query=path) from error

    def _read(self, response: httpx.Response, form: TypeAdapter[T]) -> T:
        kind = response.headers.get("content-type", "")
        return form.validate_python(read_json(self.name, response.status_code, kind, response.content))
