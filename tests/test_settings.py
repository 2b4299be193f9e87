"""Configuration: the file, the environment over it, secrets apart, and mistakes explained."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr

from sre_bot.errors import ConfigurationError
from sre_bot.settings import Settings, load

EXAMPLE = Path(__file__).parents[1] / "docs" / "sre-bot.example.yaml"


def write(folder: Path, text: str) -> dict[str, str]:
    path = folder / "sre-bot.yaml"
    path.write_text(text, encoding="utf-8")
    return {"SRE_BOT_CONFIG": str(path)}


def test_nothing_configured_gives_the_defaults(tmp_path: Path) -> None:
    settings = load(write(tmp_path, ""))
    assert settings.prometheus == ()
    assert not settings.model.configured
    assert settings.database.startswith("sqlite:////")


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    env = write(tmp_path, "prometheus: {url: http://file:9090}\nhttp: {port: 1}")
    settings = load(env | {"PROMETHEUS_URL": "http://env:9090", "SRE_BOT_HTTP_PORT": "2", "SRE_BOT_MODEL": "m"})
    assert [one.url for one in settings.prometheus] == ["http://env:9090"]
    assert (settings.http.port, settings.model.name) == (2, "m")


def test_the_environment_alone_is_enough(tmp_path: Path) -> None:
    settings = load(write(tmp_path, "") | {"ALERTMANAGER_URL": "http://am", "SLACK_API_URL": "http://127.0.0.1:1/api/"})
    assert [one.url for one in settings.alertmanager] == ["http://am"]
    assert settings.slack.api_url == "http://127.0.0.1:1/api/"


def test_secrets_come_from_the_environment_or_files_and_are_never_shown(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("xapp-from-file\n")
    (tmp_path / "key").write_text("key-from-variable-file")
    env = write(tmp_path, "slack: {app_token_file: token}\nprometheus: {url: http://p}")
    env |= {
        "SLACK_BOT_TOKEN": "xoxb-env",
        "ANTHROPIC_API_KEY_FILE": str(tmp_path / "key"),
        "PROMETHEUS_TOKEN": "bearer",
    }
    settings = load(env)
    assert set(settings.credentials()) == {"xapp-from-file", "key-from-variable-file", "xoxb-env", "bearer"}
    assert not [secret for secret in settings.credentials() if secret in repr(settings) + settings.model_dump_json()]
    assert settings.model.configured


def test_relative_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    settings = load(
        write(tmp_path, "state_dir: s\nrepositories: [{name: shop, path: repo}]\ndeploys: {path: d.ndjson}")
    )
    assert settings.state_dir == tmp_path / "s"
    assert settings.repositories[0].path == tmp_path / "repo"
    assert settings.deploys is not None
    assert settings.deploys.path == tmp_path / "d.ndjson"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("prometheus: {url: http://x, timeout: 3}", "prometheus.timeout: unknown key; did you mean timeout_seconds?"),
        ("model: {limits: {step: 1}}", "model.limits.step: unknown key; did you mean steps?"),
        ("services: {shop: {ownr: ann}}", "services.shop.ownr: unknown key; did you mean owner?"),
        ("repositories: [{name: a, path: b, web_url: 'https://me@c'}]", "repositories.0.web_url: must not hold a user"),
        ("repositories: [{name: a, path: b}, {name: a, path: c}]", "two sources are named 'a'"),
    ],
)
def test_a_mistake_is_explained_with_what_to_change(tmp_path: Path, text: str, sentence: str) -> None:
    """More of these are in the table of bad input."""
    with pytest.raises(ConfigurationError) as raised:
        load(write(tmp_path, text))
    assert sentence in str(raised.value)


@pytest.mark.parametrize(
    ("text", "environment"),
    [
        ("", {"PROMETHEUS_URL": "ftp://bot:hunter2@prometheus:9090"}),
        ("", {"ALERTMANAGER_URL": "https://bot:hunter2@alertmanager:port"}),
        ("prometheus: {timeout_seconds: 3}", {"PROMETHEUS_TOKEN": "hunter2"}),
        ("prometheus: [hunter2]", {}),
        ("prometheus: {url: http://x, public_url: 'http://me:hunter2@x'}", {}),
    ],
)
def test_a_mistake_is_explained_without_showing_a_secret(
    tmp_path: Path, text: str, environment: dict[str, str]
) -> None:
    with pytest.raises(ConfigurationError) as raised:
        load(write(tmp_path, text) | environment)
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(
    ("variable", "url"),
    [
        ("PROMETHEUS_URL", "http://bot:{}@prometheus:9090/prefix"),
        ("ALERTMANAGER_URL", "https://bot:{}@alertmanager"),
        ("SLACK_API_URL", "https://bot:{}@proxy/api/"),
        ("ANTHROPIC_BASE_URL", "https://bot:{}@gateway?x=1"),
        ("SRE_BOT_DATABASE_URL", "postgresql+psycopg://bot:{}@db:5432/bot"),
    ],
)
def test_a_password_in_a_url_is_a_credential_as_written_and_decoded(tmp_path: Path, variable: str, url: str) -> None:
    settings = load(write(tmp_path, "") | {variable: url.format("p%40ss%2Fw0rd")})
    assert set(settings.credentials()) == {"p%40ss%2Fw0rd", "p@ss/w0rd"}


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("http://bot:p@ss@prometheus", ("p@ss",)),
        ("http://prometheus:9090/at@home", ()),
        ("http://bot@prometheus", ()),
        ("http://bot:@prometheus", ()),
        ("http://prometheus", ()),
    ],
)
def test_only_what_stands_where_a_password_stands_is_one(tmp_path: Path, url: str, found: tuple[str, ...]) -> None:
    assert load(write(tmp_path, "") | {"PROMETHEUS_URL": url}).credentials() == found


def test_the_password_of_a_database_may_hold_a_slash(tmp_path: Path) -> None:
    settings = load(write(tmp_path, "database_url: postgresql://bot:pass/w0rd@db/bot"))
    assert settings.credentials() == ("pass/w0rd",)


def test_an_empty_section_or_a_null_is_as_if_it_were_not_there(tmp_path: Path) -> None:
    env = write(tmp_path, "slack:\nprometheus:\nmodel: {limits: , name: null}\nlink_hosts:\nstate_dir: null")
    settings = load(env | {"PROMETHEUS_URL": "http://p", "SLACK_BOT_TOKEN": "xoxb-1"})
    assert settings.prometheus
    assert settings.slack.bot_token is not None
    assert settings.model.name == Settings().model.name


def test_white_space_around_a_secret_in_the_environment_is_no_part_of_it(tmp_path: Path) -> None:
    settings = load(write(tmp_path, "") | {"SLACK_BOT_TOKEN": " xoxb-1\n", "SLACK_APP_TOKEN": "\n"})
    assert settings.credentials() == ("xoxb-1",)


def test_a_model_named_first_look_is_no_model(tmp_path: Path) -> None:
    environment = {"ANTHROPIC_API_KEY": "key-1", "SRE_BOT_MODEL": "first-look"}
    assert not load(write(tmp_path, "") | environment).model.configured


_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates()
_NAMES = st.sampled_from(sorted({*Settings.model_fields, "url", "path", "name", "limits", "x"}))
_VALUES = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES | _SCALARS, inner, max_size=3)
)


@hypothesis.settings(deadline=None)
@given(st.dictionaries(_NAMES | _SCALARS, _VALUES, max_size=4))
def test_whatever_the_file_holds_it_is_settings_or_an_explained_mistake(content: dict[object, object]) -> None:
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:
        yaml.safe_dump(content, file)
        file.flush()
        environment = {"SRE_BOT_CONFIG": file.name, "PROMETHEUS_URL": "http://p", "PROMETHEUS_TOKEN": "t"}
        try:
            assert load(environment).prometheus
        except ConfigurationError as error:
            assert str(error)  # noqa: PT017 - either is right


def keys(model: type[BaseModel]) -> dict[str, Any]:
    """Every key a file may hold, as a tree; secrets are not keys of the file."""
    tree: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        candidates = [field.annotation, *getattr(field.annotation, "__args__", ())]
        inner = next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), None)
        if SecretStr not in candidates:
            tree[name] = keys(inner) if inner else None
    return tree


def test_the_example_is_valid_and_shows_every_key() -> None:
    assert load({"SRE_BOT_CONFIG": str(EXAMPLE)}).repositories[0].name == "shop"
    shown = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    for by_name in ("services", "channels"):  # one level of names, which are the reader's own
        [shown[by_name]] = shown[by_name].values()

    def tree(value: object) -> Any:
        value = value[0] if value and isinstance(value, list) else value
        return {key: tree(inner) for key, inner in value.items()} if isinstance(value, dict) else None

    assert tree(shown) == keys(Settings)


@pytest.mark.parametrize(
    ("keys", "seconds"),
    [({}, 3600), ({"fetch_seconds": 60}, 900), ({"fetch_seconds": 600}, 1800), ({"stale_after_seconds": 60}, 60)],
)
def test_a_clone_is_stale_after_three_fetches_unless_that_is_configured(keys: dict[str, float], seconds: float) -> None:
    settings = Settings.model_validate({"repositories": [{"name": "shop", "path": "shop", **keys}]})
    assert settings.repositories[0].stale_after == seconds
