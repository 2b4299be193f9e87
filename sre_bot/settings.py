"""Configuration: one YAML file, the environment on top, secrets from the environment or from files only.

This is the only reader of the environment. Every key is shown with its default in ``docs/sre-bot.example.yaml``.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeAlias, get_args, get_origin
from urllib.parse import unquote, urlsplit

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)

from sre_bot.errors import ConfigurationError
from sre_bot.investigation import FIRST_LOOK

DEFAULT_FILE = Path("sre-bot.yaml")
CONFIG_VARIABLE = "SRE_BOT_CONFIG"

ENVIRONMENT: Mapping[str, tuple[str, ...]] = {
    "SLACK_API_URL": ("slack", "api_url"),
    "ANTHROPIC_BASE_URL": ("model", "base_url"),
    "SRE_BOT_MODEL": ("model", "name"),
    "PROMETHEUS_URL": ("prometheus", "url"),
    "ALERTMANAGER_URL": ("alertmanager", "url"),
    "LOKI_URL": ("loki", "url"),
    "TEMPO_URL": ("tempo", "url"),
    "SRE_BOT_DATABASE_URL": ("database_url",),
    "SRE_BOT_STATE_DIR": ("state_dir",),
    "SRE_BOT_HTTP_PORT": ("http", "port"),
}
"""Variables that win over the file, and the key each one stands for."""

SECRETS: Mapping[str, tuple[str, str]] = {
    "SLACK_BOT_TOKEN": ("slack", "bot_token"),
    "SLACK_APP_TOKEN": ("slack", "app_token"),
    "SLACK_SIGNING_SECRET": ("slack", "signing_secret"),
    "ANTHROPIC_API_KEY": ("model", "api_key"),
    "PROMETHEUS_TOKEN": ("prometheus", "token"),
    "ALERTMANAGER_TOKEN": ("alertmanager", "token"),
    "LOKI_TOKEN": ("loki", "token"),
    "TEMPO_TOKEN": ("tempo", "token"),
}
"""Secrets: from the variable, from the file that VARIABLE_FILE names, or from the file that the key KEY_file names."""


def _http_url(value: str) -> str:
    if not value.startswith(("http://", "https://")):
        raise ValueError("must start with http:// or https://")
    return value


def _without_login(value: str) -> str:
    if "@" in urlsplit(value).netloc:
        raise ValueError("must not hold a user or a password, since everyone who reads an answer sees it")
    return value


def _readable(value: str) -> str:
    try:
        urlsplit(value).port  # noqa: B018 - reading it is what checks it
    except ValueError as error:
        raise ValueError(f"is not a URL: {error}") from None
    return value


_PASSWORD = re.compile(r"(?:https?://[^:/?#]*:([^/?#]+)@|(?!http)\w+(?:\+\w+)?://[^:/]*:([^@]+)@)")
"""The password of a URL, as written: one of the web, then one of a database, where a slash may be part of it."""

HttpUrl: TypeAlias = Annotated[str, AfterValidator(_http_url), AfterValidator(_readable)]
ShownUrl: TypeAlias = Annotated[HttpUrl, AfterValidator(_without_login)]
"""What links in answers begin with."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SlackSettings(_Section):
    """The Slack app; ``serve`` needs the bot token, and the app token or the signing secret or both."""

    api_url: HttpUrl = "https://slack.com/api/"
    bot_token_file: Path | None = None
    app_token_file: Path | None = None
    signing_secret_file: Path | None = None
    bot_token: SecretStr | None = None
    app_token: SecretStr | None = None
    signing_secret: SecretStr | None = None


class LimitSettings(_Section):
    """What one investigation may cost at most."""

    steps: int = Field(default=12, ge=1, le=100)
    tool_calls: int = Field(default=40, ge=1, le=500)
    tokens: int = Field(default=200_000, ge=1_000)
    seconds: float = Field(default=180, gt=0)
    usd: float = Field(default=1.0, gt=0)


class ModelSettings(_Section):
    """The model that investigates; without key and base URL, or named ``first-look``, the first look is the answer."""

    name: str = "claude-sonnet-5-5"
    base_url: HttpUrl | None = None
    api_key_file: Path | None = None
    api_key: SecretStr | None = None
    limits: LimitSettings = LimitSettings()

    @property
    def configured(self) -> bool:
        """Whether there is a model to ask."""
        return self.name != FIRST_LOOK and (self.api_key is not None or self.base_url is not None)


class PrometheusSettings(_Section):
    """A Prometheus, Thanos or Mimir; ``public_url`` is what people open, when it differs."""

    name: str = "prometheus"
    url: HttpUrl
    public_url: ShownUrl | None = None
    token_file: Path | None = None
    token: SecretStr | None = None
    timeout_seconds: float = Field(default=10, gt=0, le=120)


class AlertmanagerSettings(_Section):
    """An Alertmanager."""

    name: str = "alertmanager"
    url: HttpUrl
    public_url: ShownUrl | None = None
    token_file: Path | None = None
    token: SecretStr | None = None
    timeout_seconds: float = Field(default=5, gt=0, le=120)


class LokiSettings(_Section):
    """A Loki; ``tenant`` goes into ``X-Scope-OrgID``, ``service_label`` names the service of a stream."""

    name: str = "loki"
    url: HttpUrl
    tenant: str | None = None
    service_label: str = "service_name"
    level_label: str = "detected_level"
    token_file: Path | None = None
    token: SecretStr | None = None
    timeout_seconds: float = Field(default=10, gt=0, le=120)


class TempoSettings(_Section):
    """A Tempo; ``tenant`` goes into ``X-Scope-OrgID``."""

    name: str = "tempo"
    url: HttpUrl
    tenant: str | None = None
    token_file: Path | None = None
    token: SecretStr | None = None
    timeout_seconds: float = Field(default=10, gt=0, le=120)


class RepositorySettings(_Section):
    """A local clone; ``web_url`` is where people browse it, for links to commits and documents.

    ``serve`` fetches it every ``fetch_seconds`` (0: never), over ssh with the read-only key in ``key_file``.
    """

    name: str
    path: Path
    web_url: ShownUrl | None = None
    fetch_seconds: float = Field(default=0, ge=0)
    key_file: Path | None = None


class DocumentSettings(_Section):
    """A folder of Markdown; ``url`` is where people read it: links in answers and runbook addresses start with it."""

    name: str
    path: Path
    url: ShownUrl | None = None


class DeploysSettings(_Section):
    """A file to which every rollout appends one JSON line ``{time, service, sha, version}``."""

    name: str = "deploys"
    path: Path


class ServiceSettings(_Section):
    """What is known of a service; with it an answer says whom to call."""

    owner: str | None = None
    on_call: str | None = None
    repository: str | None = None
    environment: str | None = None
    dashboards: tuple[str, ...] = ()
    runbooks: tuple[str, ...] = ()
    dependencies: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()


class ChannelSettings(_Section):
    """What questions in a Slack channel are about as long as their words do not say otherwise."""

    service: str | None = None
    environment: str | None = None


class HttpSettings(_Section):
    """Where probes, metrics and Slack's door listen; port 0 takes a free one."""

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)


LogFormat: TypeAlias = Literal["json", "text"]


class Settings(_Section):
    """Everything that can be configured."""

    slack: SlackSettings = SlackSettings()
    model: ModelSettings = ModelSettings()
    prometheus: PrometheusSettings | None = None
    alertmanager: AlertmanagerSettings | None = None
    loki: LokiSettings | None = None
    tempo: TempoSettings | None = None
    repositories: tuple[RepositorySettings, ...] = ()
    documents: tuple[DocumentSettings, ...] = ()
    deploys: DeploysSettings | None = None
    services: Mapping[str, ServiceSettings] = {}
    catalogue_files: tuple[Path, ...] = ()
    channels: Mapping[str, ChannelSettings] = {}
    http: HttpSettings = HttpSettings()
    link_hosts: tuple[str, ...] = ()
    state_dir: Path = Path(".state")
    database_url: str | None = None
    concurrent_investigations: int = Field(default=4, ge=1, le=100)
    drain_seconds: float = Field(default=30, ge=0)
    log_format: LogFormat = "json"

    @property
    def database(self) -> str:
        """The SQLAlchemy URL of our state: PostgreSQL when configured, else SQLite in the state directory."""
        return self.database_url or f"sqlite:///{self.state_dir.absolute() / 'sre-bot.sqlite'}"

    def credentials(self) -> tuple[str, ...]:
        """Every configured secret in the clear, passwords in URLs too, for the redactor to look out for."""
        held = (getattr(getattr(self, section), key, None) for section, key in SECRETS.values())
        secrets = [secret.get_secret_value() for secret in held if secret is not None]
        passwords = (found[found.lastindex or 0] for url in self._urls() if (found := _PASSWORD.match(url)))
        secrets += (form for password in passwords for form in (password, unquote(password)))
        return tuple(dict.fromkeys(secrets))

    def _urls(self) -> Iterator[str]:
        """Every address that may carry a password."""
        yield self.slack.api_url
        sources = (self.prometheus, self.alertmanager, self.loki, self.tempo)
        urls = (self.model.base_url, self.database_url, *(source.url for source in sources if source is not None))
        yield from (url for url in urls if url is not None)

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        single = (self.prometheus, self.alertmanager, self.loki, self.tempo, self.deploys)
        sources = (*(source for source in single if source is not None), *self.repositories, *self.documents)
        names = [source.name for source in sources]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two sources are named {name!r}: give each a name of its own")
        return self


def load(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the file named by SRE_BOT_CONFIG (or ./sre-bot.yaml if it is there) and lay the environment over it.

    Raises:
        ConfigurationError: with one line per mistake, each saying what to change.
    """
    env = os.environ if environment is None else environment
    named = env.get(CONFIG_VARIABLE)
    path = Path(named) if named else DEFAULT_FILE
    if named and not path.is_file():
        raise ConfigurationError(
            f"{CONFIG_VARIABLE} names {path}, which is not a file: create it or unset the variable."
        )
    raw = _without_nulls(_read_file(path)) if path.is_file() else {}
    _refuse_secrets_in_file(raw, path)
    for variable, key in ENVIRONMENT.items():
        if env.get(variable):
            _put(raw, key, env[variable])
    _resolve_paths(raw, path.parent)
    _read_secrets(raw, env)
    try:
        return Settings.model_validate(raw)
    except ValidationError as error:
        lines = "\n".join(f"  {_explain(detail)}" for detail in error.errors())
        raise ConfigurationError(f"the configuration is not valid ({path} and environment):\n{lines}") from None


def _read_file(path: Path) -> dict[str, Any]:
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"cannot read {path}: {error}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        raise ConfigurationError(f"{path} is not valid YAML{where}: {getattr(error, 'problem', error)}") from None
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        raise ConfigurationError(f"{path} must hold keys and values at its top level, not a {type(raw).__name__}.")
    return raw


def _without_nulls(values: Mapping[str, Any]) -> dict[str, Any]:
    """A key without a value, or with null, is a key that is not there."""
    return {
        key: _without_nulls(value) if isinstance(value, dict) else value
        for key, value in values.items()
        if value is not None
    }


def _refuse_secrets_in_file(raw: Mapping[str, Any], path: Path) -> None:
    for variable, (section, key) in SECRETS.items():
        values = raw.get(section)
        if isinstance(values, dict) and key in values:
            raise ConfigurationError(
                f"{path}: {section}.{key} is a secret and does not belong in the file. "
                f"Set {variable}, or write it to a file of its own and name that in {section}.{key}_file."
            )


def _put(raw: dict[str, Any], key: tuple[str, ...], value: object) -> None:
    for part in key[:-1]:
        inner = raw.setdefault(part, {})
        if not isinstance(inner, dict):
            return  # validation will say what is wrong with it
        raw = inner
    raw[key[-1]] = value


_PATHS = (("state_dir",), ("deploys", "path"), *((section, f"{key}_file") for section, key in SECRETS.values()))


def _resolve_paths(raw: dict[str, Any], folder: Path) -> None:
    """Paths in the file are relative to the file, so that it means the same wherever the program is started."""
    for *sections, key in _PATHS:
        values: Any = raw
        for section in sections:
            values = values.get(section) if isinstance(values, dict) else None
        _absolute(values, key, folder)
    for section, key in (("repositories", "path"), ("repositories", "key_file"), ("documents", "path")):
        listed = raw.get(section)
        for values in listed if isinstance(listed, list) else []:
            _absolute(values, key, folder)
    files = raw.get("catalogue_files")
    if isinstance(files, list):
        raw["catalogue_files"] = [str(folder / str(file)) for file in files]


def _absolute(values: object, key: str, folder: Path) -> None:
    if isinstance(values, dict) and isinstance(values.get(key), str):
        values[key] = str(folder / Path(values[key]).expanduser())


def _read_secrets(raw: dict[str, Any], env: Mapping[str, str]) -> None:
    for variable, (section, key) in SECRETS.items():
        values = raw.get(section)
        file = env.get(f"{variable}_FILE") or (values.get(f"{key}_file") if isinstance(values, dict) else None)
        given = env.get(variable, "").strip()
        secret = given or (_read_secret(Path(file), variable) if isinstance(file, str) else None)
        if secret and (section in {"slack", "model"} or isinstance(values, dict)):
            _put(raw, (section, key), secret)


def _read_secret(path: Path, variable: str) -> str:
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"cannot read the file for {variable}: {error}") from None
    if not secret:
        raise ConfigurationError(f"the file for {variable}, {path}, is empty.")
    return secret


def _explain(detail: Any) -> str:
    where = ".".join(str(part) for part in detail["loc"])
    if detail["type"] != "extra_forbidden":
        variable = next((f" ({name})" for name, key in ENVIRONMENT.items() if ".".join(key) == where), "")
        message = detail["msg"].removeprefix("Value error, ")
        return f"{where}{variable}: {message}{_got(detail['input'])}".removeprefix(": ")
    section = detail["loc"][:-1]
    known = sorted(name for name in _fields_at(section) if (*section, name) not in SECRETS.values())
    close = difflib.get_close_matches(str(detail["loc"][-1]), known, n=1)
    hint = f"did you mean {close[0]}?" if close else f"known keys here: {', '.join(known)}"
    return f"{where}: unknown key; {hint}"


def _got(value: object) -> str:
    """What was found instead, without the login of a URL; a whole section is not shown, as it may hold secrets."""
    if not isinstance(value, str | int | float):
        return ""
    return f", got {re.sub('//.*@', '//…@', str(value))!r:.80}"


def _fields_at(location: tuple[str | int, ...]) -> set[str]:
    model: type[BaseModel] = Settings
    is_name = False
    for part in location:
        if isinstance(part, int) or is_name:  # a place in a list, or a name of the reader's own choice
            is_name = False
            continue
        annotation = model.model_fields[part].annotation
        is_name = get_origin(annotation) is Mapping
        candidates = [annotation, *get_args(annotation)]
        model = next(c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel))
    return set(model.model_fields)
