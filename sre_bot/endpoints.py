"""Settings of the systems that are asked over HTTP: where each is, as whom we ask, and whom we trust to be it."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from pathlib import Path  # noqa: TC003 - pydantic reads annotations at run time
from typing import Annotated, Self, TypeAlias
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    model_validator,
)


def _http_url(value: str) -> str:
    if not value.startswith(("http://", "https://")):
        raise ValueError("must begin with http:// or https://")
    return value


def _without_login(value: str) -> str:
    if "@" in urlsplit(value).netloc:
        raise ValueError("must not hold a user or a password, since everyone who reads an answer sees it")
    return value


def _readable(value: str) -> str:
    try:
        urlsplit(value).port  # noqa: B018 - reading it is what checks it
    except ValueError as error:
        raise ValueError(f"is not a URL ({error}); write http://host:port") from None
    return value


HttpUrl: TypeAlias = Annotated[str, AfterValidator(_http_url), AfterValidator(_readable)]
ShownUrl: TypeAlias = Annotated[HttpUrl, AfterValidator(_without_login)]
"""What links in answers begin with."""


def _sendable(value: str) -> str:
    if not (value.strip() and value.isascii() and value.isprintable()):
        raise ValueError("must be plain ASCII text on one line, and not empty")
    return value


HeaderValue: TypeAlias = Annotated[str, AfterValidator(_sendable)]
Name: TypeAlias = Annotated[str, Field(min_length=1, max_length=60)]

_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_OURS = {
    "host": "it follows from url",
    "user-agent": "it is always sre-bot",
    **dict.fromkeys(("accept", "accept-encoding"), "what is understood does not depend on the configuration"),
    **dict.fromkeys(
        ("connection", "content-length", "te", "transfer-encoding", "upgrade"), "it belongs to HTTP itself"
    ),
}
"""Headers that are not for the configuration to set, and why."""
_SECRET_HEADER = re.compile(r"cookie|authorization|token|secret|password|api-?key", re.IGNORECASE)


def _fixed(headers: Mapping[str, str]) -> Mapping[str, str]:
    for name in headers:
        if not _HEADER.fullmatch(name):
            raise ValueError(f"{name!r} cannot be the name of a header")
        if name.lower() in _OURS:
            raise ValueError(f"{name} cannot be set: {_OURS[name.lower()]}")
        if _SECRET_HEADER.search(name):
            raise ValueError(
                f"{name} holds a secret, which does not belong in the file: "
                "use token_file for a bearer token, username with password_file for a login"
            )
    lowered = [name.lower() for name in headers]
    if len(set(lowered)) < len(lowered):
        raise ValueError("a header is there twice; capitals make no difference")
    return headers


class Section(BaseModel):
    """A part of the configuration; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Endpoint(Section):
    """A system asked over HTTP.

    ``environment`` is the one whose data it holds, where it holds only one. ``tenant`` goes into ``X-Scope-OrgID``,
    ``headers`` go with every request. ``ca_file`` names the authorities to trust instead of the system's;
    ``cert_file`` and ``key_file`` are our own certificate, for a system that asks for one.
    """

    name: Name
    url: HttpUrl
    environment: HeaderValue | None = None
    tenant: HeaderValue | None = None
    headers: Annotated[Mapping[str, HeaderValue], AfterValidator(_fixed)] = {}
    username: str | None = None
    password_file: Path | None = None
    password: SecretStr | None = None
    token_file: Path | None = None
    token: SecretStr | None = None
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    timeout_seconds: float = Field(default=10, gt=0, le=120)

    def secrets(self) -> tuple[str, ...]:
        """What must not be seen of it, in the clear and as it is sent."""
        held = [secret.get_secret_value() for secret in (self.token, self.password) if secret is not None]
        if self.username is not None and self.password is not None:
            login = f"{self.username}:{self.password.get_secret_value()}"
            held.append(base64.b64encode(login.encode()).decode())
        return tuple(held)

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        if self.password is not None and self.username is None:
            raise ValueError("there is a password but no username: set both or none")
        if self.username is not None and self.password is None:
            raise ValueError("username is set, but no password: name the file that holds it in password_file")
        if self.username is not None and ":" in self.username:
            raise ValueError("username must not hold a colon, which ends it in a login")
        ways = [self.token is not None, self.username is not None, "@" in urlsplit(self.url).netloc]
        if sum(ways) > 1:
            raise ValueError("there is more than one of a token, a username, and a login in url: leave one")
        if self.tenant is not None and any(name.lower() == "x-scope-orgid" for name in self.headers):
            raise ValueError("tenant is sent as X-Scope-OrgID: do not set that under headers, too")
        return self

    @model_validator(mode="after")
    def _certificates_have_a_use(self) -> Self:
        if self.cert_file is not None and self.key_file is None:
            raise ValueError("cert_file is set, but not key_file, the private key that belongs to it")
        if self.key_file is not None and self.cert_file is None:
            raise ValueError("key_file is set, but not cert_file, the certificate that belongs to it")
        for key in ("ca_file", "cert_file"):
            if getattr(self, key) is not None and not self.url.startswith("https://"):
                raise ValueError(f"{key} is set, but url starts with http://, where there are no certificates")
        return self


class PrometheusSettings(Endpoint):
    """A Prometheus, Thanos, Mimir or VictoriaMetrics; ``public_url`` is what people open, when it differs.

    ``grafana_datasource`` is the uid of the data source that holds its data in Grafana, when it is not the usual one.
    """

    name: Name = "prometheus"
    public_url: ShownUrl | None = None
    grafana_datasource: Name | None = None


class AlertmanagerSettings(Endpoint):
    """An Alertmanager, or one of several replicas."""

    name: Name = "alertmanager"
    public_url: ShownUrl | None = None
    timeout_seconds: float = Field(default=5, gt=0, le=120)


class LokiSettings(Endpoint):
    """A Loki; ``service_label`` names the service of a stream."""

    name: Name = "loki"
    service_label: str = "service_name"
    level_label: str = "detected_level"


class TempoSettings(Endpoint):
    """A Tempo."""

    name: Name = "tempo"


def _listed(value: object) -> object:
    """One mapping is a list of one; of several each is to have a name."""
    if isinstance(value, Mapping):
        return (value,)
    if not isinstance(value, list | tuple) or not all(isinstance(one, Mapping) for one in value):
        raise ValueError("must hold keys of its own; write each on a line below it")
    nameless = [number for number, one in enumerate(value, 1) if not one.get("name")]
    if len(value) > 1 and nameless:
        raise ValueError(f"there are {len(value)} of it, so each needs a name: give one to number {nameless[0]}")
    return value


Prometheuses: TypeAlias = Annotated[tuple[PrometheusSettings, ...], BeforeValidator(_listed)]
Alertmanagers: TypeAlias = Annotated[tuple[AlertmanagerSettings, ...], BeforeValidator(_listed)]
Lokis: TypeAlias = Annotated[tuple[LokiSettings, ...], BeforeValidator(_listed)]
Tempos: TypeAlias = Annotated[tuple[TempoSettings, ...], BeforeValidator(_listed)]

ENDPOINTS = ("prometheus", "alertmanager", "loki", "tempo")
"""The keys under which one or several of them stand."""
ENDPOINT_FILES = ("token_file", "password_file", "ca_file", "cert_file", "key_file")
