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
from urllib.parse import unquote

from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)

from sre_bot.endpoints import (
    ENDPOINT_FILES,
    ENDPOINTS,
    Alertmanagers,
    Endpoint,
    HttpUrl,
    Lokis,
    Prometheuses,
    Section,
    ShownUrl,
    Tempos,
)
from sre_bot.errors import ConfigurationError
from sre_bot.investigation import FIRST_LOOK
from sre_bot.mistakes import in_words, read_yaml, why_unreadable

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
    "SRE_BOT_HTTP_HOST": ("http", "host"),
    "SRE_BOT_HTTP_PORT": ("http", "port"),
}
"""Variables that win over the file, and the key each one stands for; of a list's keys, the first one's."""

SECRETS: Mapping[str, tuple[str, str]] = {
    "SLACK_BOT_TOKEN": ("slack", "bot_token"),
    "SLACK_APP_TOKEN": ("slack", "app_token"),
    "SLACK_SIGNING_SECRET": ("slack", "signing_secret"),
    "ANTHROPIC_API_KEY": ("model", "api_key"),
    "PROMETHEUS_TOKEN": ("prometheus", "token"),
    "ALERTMANAGER_TOKEN": ("alertmanager", "token"),
    "LOKI_TOKEN": ("loki", "token"),
    "TEMPO_TOKEN": ("tempo", "token"),
    "PROMETHEUS_PASSWORD": ("prometheus", "password"),
    "ALERTMANAGER_PASSWORD": ("alertmanager", "password"),
    "LOKI_PASSWORD": ("loki", "password"),
    "TEMPO_PASSWORD": ("tempo", "password"),
}
"""Secrets: from the variable, from the file that VARIABLE_FILE names, or from the file that the key KEY_file names."""


_PASSWORD = re.compile(r"(?:https?://[^:/?#]*:([^/?#]+)@|(?!http)\w+(?:\+\w+)?://[^:/]*:([^@]+)@)")
"""The password of a URL, as written: one of the web, then one of a database, where a slash may be part of it."""


def _channel(value: str) -> str:
    return value.strip().removeprefix("#")


def _handle(value: str) -> str:
    return value.strip().removeprefix("@")


def _user(value: str) -> str:
    if not re.fullmatch(r"[UW][A-Z0-9]+", value):
        raise ValueError("must be a member's id, U…: open the profile, then ⋮, then Copy member ID")
    return value


def _bot(value: str) -> str:
    if not re.fullmatch(r"[AB][A-Z0-9]+", value):
        raise ValueError("must be the id of a bot, B…, or of an app, A…")
    return value


class SlackSettings(Section):
    """The Slack app; ``serve`` needs the bot token, and the app token or the signing secret or both.

    Who may ask: empty lists allow all. ``direct_messages`` are answered where no channels are listed, unless told.
    """

    api_url: HttpUrl = "https://slack.com/api/"
    bot_token_file: Path | None = None
    app_token_file: Path | None = None
    signing_secret_file: Path | None = None
    bot_token: SecretStr | None = None
    app_token: SecretStr | None = None
    signing_secret: SecretStr | None = None
    allowed_channels: tuple[Annotated[str, AfterValidator(_channel)], ...] = ()
    direct_messages: bool | None = None
    allowed_users: tuple[Annotated[str, AfterValidator(_user)], ...] = ()
    allowed_groups: tuple[Annotated[str, AfterValidator(_handle)], ...] = ()
    allowed_bots: tuple[Annotated[str, AfterValidator(_bot)], ...] = ()
    refuse_outsiders: bool = False


class LimitSettings(Section):
    """What one investigation may cost at most."""

    steps: int = Field(default=12, ge=1, le=100)
    tool_calls: int = Field(default=40, ge=1, le=500)
    tokens: int = Field(default=200_000, ge=1_000)
    seconds: float = Field(default=180, gt=0)
    usd: float = Field(default=1.0, gt=0)


class ModelSettings(Section):
    """The model that investigates; without key and base URL, or named ``first-look``, the first look is the answer.

    An investigation whose model was unavailable waits for it for ``resume_minutes`` (0: not at all), during which the
    provider is probed after ``probe_seconds``, then ever more rarely.
    """

    name: str = "claude-sonnet-5-5"
    base_url: HttpUrl | None = None
    api_key_file: Path | None = None
    api_key: SecretStr | None = None
    limits: LimitSettings = LimitSettings()
    resume_minutes: float = Field(default=60, ge=0, le=1440)
    probe_seconds: float = Field(default=15, gt=0, le=600)

    @property
    def configured(self) -> bool:
        """Whether there is a model to ask."""
        return self.name != FIRST_LOOK and (self.api_key is not None or self.base_url is not None)


class FirstLookSettings(Section):
    """The look at the beginning: how long it should take, and how long it may where a busy machine answers slowly."""

    seconds: float = Field(default=3, gt=0, le=60)
    latest_seconds: float = Field(default=10, gt=0, le=120)


class RepositorySettings(Section):
    """A local clone; ``web_url`` is where people browse it, for links to commits and documents.

    ``serve`` fetches it every ``fetch_seconds`` (0: never), over ssh with the read-only key in ``key_file``. One that
    was not fetched for ``stale_after_seconds`` is said to lag behind. ``documents``: its Markdown is searched, too.
    """

    name: str
    path: Path
    web_url: ShownUrl | None = None
    fetch_seconds: float = Field(default=0, ge=0)
    stale_after_seconds: float | None = Field(default=None, gt=0)
    key_file: Path | None = None
    documents: bool = True

    @property
    def stale_after(self) -> float:
        """In seconds: as configured; or three fetches, but at least 15 minutes; or an hour when others fetch it."""
        return self.stale_after_seconds or (max(900.0, 3 * self.fetch_seconds) if self.fetch_seconds else 3600.0)


class DocumentSettings(Section):
    """A folder of Markdown; ``url`` is where people read it: links in answers and runbook addresses start with it."""

    name: str
    path: Path
    url: ShownUrl | None = None


class DeploysSettings(Section):
    """A file to which every rollout appends one JSON line ``{time, service, sha, version}``."""

    name: str = "deploys"
    path: Path


class ServiceSettings(Section):
    """What is known of a service; with it an answer says whom to call."""

    owner: str | None = None
    on_call: str | None = None
    repository: str | None = None
    environment: str | None = None
    dashboards: tuple[str, ...] = ()
    runbooks: tuple[str, ...] = ()
    dependencies: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()


class GrafanaSettings(Section):
    """Where people explore metrics; ``datasource`` is the uid of the data source that holds Prometheus' data."""

    url: ShownUrl
    datasource: str | None = Field(default=None, min_length=1, max_length=60)
    organisation: int = Field(default=1, ge=1)


class ChannelSettings(Section):
    """What questions in a Slack channel are about as long as their words do not say otherwise."""

    service: str | None = None
    environment: str | None = None


def _address(value: str) -> str:
    if not value.strip():  # it would mean all of them
        raise ValueError("must be an address of this machine, such as 127.0.0.1, or 0.0.0.0 for all")
    return value


def _host(value: str) -> str:
    if not re.fullmatch(r"[\w.-]+(:\d+)?|\[[0-9a-fA-F:]+\](:\d+)?", value):
        raise ValueError("must be a host alone, such as wiki.example.com")
    return value


def _prefix(value: str) -> str:
    if not re.fullmatch(r"(?:/[\w.~-]+)*/?", value):
        raise ValueError("must be a path such as /sre-bot, or empty")
    return value.rstrip("/")


class HttpSettings(Section):
    """Where probes, metrics and Slack's door listen; port 0 takes a free one.

    ``path_prefix`` stands before the path of Slack's door, where a reverse proxy hands requests on with it.
    """

    host: Annotated[str, AfterValidator(_address)] = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    path_prefix: Annotated[str, AfterValidator(_prefix)] = ""


LogFormat: TypeAlias = Literal["json", "text"]


class Settings(Section):
    """Everything that can be configured."""

    slack: SlackSettings = SlackSettings()
    model: ModelSettings = ModelSettings()
    first_look: FirstLookSettings = FirstLookSettings()
    prometheus: Prometheuses = ()
    alertmanager: Alertmanagers = ()
    loki: Lokis = ()
    tempo: Tempos = ()
    grafana: GrafanaSettings | None = None
    repositories: tuple[RepositorySettings, ...] = ()
    documents: tuple[DocumentSettings, ...] = ()
    deploys: DeploysSettings | None = None
    services: Mapping[str, ServiceSettings] = {}
    catalogue_files: tuple[Path, ...] = ()
    service_labels: tuple[Annotated[str, Field(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$")], ...] = ()
    channels: Mapping[str, ChannelSettings] = {}
    http: HttpSettings = HttpSettings()
    link_hosts: tuple[Annotated[str, AfterValidator(_host)], ...] = ()
    state_dir: Path = Path(".state")
    database_url: str | None = None
    concurrent_investigations: int = Field(default=4, ge=1, le=100)
    drain_seconds: float = Field(default=30, ge=0)
    log_format: LogFormat = "json"

    @property
    def database(self) -> str:
        """The SQLAlchemy URL of our state: PostgreSQL when configured, else SQLite in the state directory."""
        return self.database_url or f"sqlite:///{self.state_dir.absolute() / 'sre-bot.sqlite'}"

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """Every system that is asked over HTTP, besides Slack and the model."""
        return (*self.prometheus, *self.alertmanager, *self.loki, *self.tempo)

    def credentials(self) -> tuple[str, ...]:
        """Every configured secret in the clear, passwords in URLs too, for the redactor to look out for."""
        slack, model = self.slack, self.model
        held = (slack.bot_token, slack.app_token, slack.signing_secret, model.api_key)
        secrets = [secret.get_secret_value() for secret in held if secret is not None]
        secrets += (secret for endpoint in self.endpoints for secret in endpoint.secrets())
        passwords = (found[found.lastindex or 0] for url in self._urls() if (found := _PASSWORD.match(url)))
        secrets += (form for password in passwords for form in (password, unquote(password)))
        return tuple(dict.fromkeys(secrets))

    def _urls(self) -> Iterator[str]:
        """Every address that may carry a password."""
        yield self.slack.api_url
        urls = (self.model.base_url, self.database_url, *(endpoint.url for endpoint in self.endpoints))
        yield from (url for url in urls if url is not None)

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        deploys = () if self.deploys is None else (self.deploys,)
        names = [source.name for source in (*self.endpoints, *self.repositories, *self.documents, *deploys)]
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
    raw = _read_file(path, named=bool(named))
    _refuse_secrets_in_file(raw, path)
    for variable, key in ENVIRONMENT.items():
        if env.get(variable):
            _refuse_two_words(raw, variable, key)
            _put(raw, key, env[variable])
    _resolve_paths(raw, path.parent)
    _read_secrets(raw, env)
    try:
        return Settings.model_validate(raw)
    except ValidationError as error:
        lines = "\n".join(f"  {_explain(detail, raw)}" for detail in error.errors())
        raise ConfigurationError(f"the configuration is not valid ({path} and environment):\n{lines}") from None


def _read_file(path: Path, *, named: bool) -> dict[str, Any]:
    """What the file holds; nothing when there is none, unless somebody named it."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        if not named:
            return {}
        raise ConfigurationError(
            f"{CONFIG_VARIABLE} names {path}, which does not exist: create it or unset the variable."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"cannot read the configuration {path}: {why_unreadable(error)}. Mend it, or have {CONFIG_VARIABLE} name "
            "another file."
        ) from None
    try:
        return _without_nulls(_keys_and_values(next(read_yaml(text), None)))
    except ValueError as error:
        raise ConfigurationError(f"the configuration {path} {error}.") from None
    except RecursionError:
        raise ConfigurationError(f"the configuration {path} refers to itself in a circle: write it out.") from None


def _keys_and_values(raw: object) -> dict[str, Any]:
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        raise ValueError("must hold keys and values, such as prometheus: {url: http://prometheus:9090}")  # noqa: TRY004 - told with the other mistakes of a file
    return raw


def _without_nulls(values: Mapping[str, Any]) -> dict[str, Any]:
    """A key without a value, or with null, is a key that is not there."""

    def cleaned(value: Any) -> Any:
        if isinstance(value, list):
            return [cleaned(one) for one in value]
        return _without_nulls(value) if isinstance(value, dict) else value

    return {key: cleaned(value) for key, value in values.items() if value is not None}


def _parts(raw: Mapping[str, Any], section: str) -> list[tuple[str, dict[str, Any]]]:
    """The mapping of a section, or those of its list, each with the name it has in errors."""
    written = raw.get(section)
    if isinstance(written, dict):
        return [(section, written)]
    listed = written if isinstance(written, list) else []
    return [(f"{section}.{place}", one) for place, one in enumerate(listed) if isinstance(one, dict)]


def _refuse_secrets_in_file(raw: Mapping[str, Any], path: Path) -> None:
    for variable, (section, key) in SECRETS.items():
        for place, (where, values) in enumerate(_parts(raw, section)):
            if key in values:
                variable_or_file = f"Set {variable}, or write" if place == 0 else "Write"
                raise ConfigurationError(
                    f"{path}: {where}.{key} is a secret and does not belong in the file. "
                    f"{variable_or_file} it to a file of its own and name that in {where}.{key}_file."
                )


def _refuse_two_words(raw: Mapping[str, Any], variable: str, key: tuple[str, ...]) -> None:
    """Over one mapping the environment wins; of several it stands for the first, if that says nothing itself."""
    listed = _parts(raw, key[0])
    if len(listed) > 1 and key[-1] in listed[0][1]:
        names = ", ".join(str(values.get("name")) for _, values in listed)
        raise ConfigurationError(
            f"{variable} is set, and {len(listed)} are listed under {key[0]} ({names}): it would stand for the first, "
            f"which has its own {key[-1]}. Unset {variable}, or take {key[-1]} from the first."
        )


def _put(raw: dict[str, Any], key: tuple[str, ...], value: object) -> None:
    for part in key[:-1]:
        inner = raw.setdefault(part, {})
        if isinstance(inner, list):
            if not inner:
                inner.append({})
            inner = inner[0]
        if not isinstance(inner, dict):
            return  # validation will say what is wrong with it
        raw = inner
    raw[key[-1]] = value


_PATHS: tuple[tuple[str, str], ...] = (
    ("deploys", "path"),
    ("repositories", "path"),
    ("repositories", "key_file"),
    ("documents", "path"),
    *((section, f"{key}_file") for section, key in SECRETS.values()),
    *((section, key) for section in ENDPOINTS for key in ENDPOINT_FILES),
)


def _resolve_paths(raw: dict[str, Any], folder: Path) -> None:
    """Paths in the file are relative to the file, so that it means the same wherever the program is started."""
    _absolute(raw, "state_dir", folder)
    for section, key in _PATHS:
        for _, values in _parts(raw, section):
            _absolute(values, key, folder)
    files = raw.get("catalogue_files")
    if isinstance(files, list):
        raw["catalogue_files"] = [str(folder / str(file)) for file in files]


def _absolute(values: dict[str, Any], key: str, folder: Path) -> None:
    if isinstance(values.get(key), str):
        values[key] = str(folder / os.path.expanduser(values[key]))  # noqa: PTH111 - pathlib's fails for unknown users


def _read_secrets(raw: dict[str, Any], env: Mapping[str, str]) -> None:
    for variable, (section, key) in SECRETS.items():
        if section not in ENDPOINTS:
            raw.setdefault(section, {})
        given = env.get(variable, "").strip()
        if given or env.get(f"{variable}_FILE"):
            _refuse_two_words(raw, variable, (section, f"{key}_file"))
        for place, (where, values) in enumerate(_parts(raw, section)):
            what = variable if place == 0 else f"{where}.{key}"
            file = (env.get(f"{variable}_FILE") if place == 0 else None) or values.get(f"{key}_file")
            secret = given if place == 0 else ""
            if not secret and isinstance(file, str):
                secret = _read_secret(Path(file), what)
            if secret:
                values[key] = _alone(secret, what)


def _read_secret(path: Path, variable: str) -> str:
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        why = why_unreadable(error) if isinstance(error, OSError | UnicodeDecodeError) else str(error)
        raise ConfigurationError(
            f"cannot read the file for {variable}, {path}: {why}. Write the secret into it, or name another."
        ) from None
    if not secret:
        raise ConfigurationError(f"the file for {variable}, {path}, is empty: write the secret into it.")
    return secret


def _alone(secret: str, what: str) -> str:
    """The secret. A token with something else around it would go nowhere, or break a header."""
    if not secret.isprintable() or (not what.lower().endswith("password") and (not secret.isascii() or " " in secret)):
        raise ConfigurationError(
            f"{what} has blanks, line breaks or letters in it that no token has: was it copied in full, and alone?"
        )
    return secret


def _explain(detail: Any, raw: Mapping[str, Any]) -> str:
    location = _as_written(detail["loc"], raw)
    where = ".".join(map(str, location))
    if detail["type"] != "extra_forbidden":
        variable = next((f" ({name})" for name, key in ENVIRONMENT.items() if ".".join(key) == where), "")
        return f"{where}{variable}: {in_words(detail)}{_got(detail['input'])}".removeprefix(": ")
    section = tuple(part for part in location[:-1] if isinstance(part, str))
    known = sorted(name for name in _fields_at(location[:-1]) if (*section, name) not in SECRETS.values())
    close = difflib.get_close_matches(str(location[-1]), known, n=1)
    hint = f"did you mean {close[0]}?" if close else f"known keys here: {', '.join(known)}"
    return f"{where}: unknown key; {hint}"


def _as_written(location: tuple[str | int, ...], raw: Mapping[str, Any]) -> tuple[str | int, ...]:
    """Where a mistake is; a mapping that stands for a list of one has no places."""
    alone = len(location) > 1 and location[0] in ENDPOINTS and isinstance(raw.get(str(location[0])), dict)
    return (location[0], *location[2:]) if alone else location


def _got(value: object) -> str:
    """What was found instead, without the login of a URL; a whole section is not shown, as it may hold secrets."""
    if not isinstance(value, str | int | float):
        return ""
    return f", got {re.sub('//.*@', '//…@', value)!r:.80}" if isinstance(value, str) else f", got {value}"


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
