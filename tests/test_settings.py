"""Configuration: the file, the environment over it, secrets apart, and mistakes explained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
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
    assert settings.prometheus is None
    assert not settings.model.configured
    assert settings.database.startswith("sqlite:////")


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    env = write(tmp_path, "prometheus: {url: http://file:9090}\nhttp: {port: 1}")
    settings = load(env | {"PROMETHEUS_URL": "http://env:9090", "SRE_BOT_HTTP_PORT": "2", "SRE_BOT_MODEL": "m"})
    assert settings.prometheus is not None
    assert settings.prometheus.url == "http://env:9090"
    assert (settings.http.port, settings.model.name) == (2, "m")


def test_the_environment_alone_is_enough(tmp_path: Path) -> None:
    settings = load(write(tmp_path, "") | {"ALERTMANAGER_URL": "http://am", "SLACK_API_URL": "http://127.0.0.1:1/api/"})
    assert settings.alertmanager is not None
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
        ("promethius: {url: http://x}", "promethius: unknown key; did you mean prometheus?"),
        ("prometheus: {url: http://x, timeout: 3}", "prometheus.timeout: unknown key; did you mean timeout_seconds?"),
        ("model: {limits: {step: 1}}", "model.limits.step: unknown key; did you mean steps?"),
        (
            "repositories: [{name: a, path: b, wed_url: http://c}]",
            "repositories.0.wed_url: unknown key; did you mean web_url?",
        ),
        ("zzz: 1", "zzz: unknown key; known keys here: alertmanager"),
        (
            "prometheus: {url: 'prometheus:9090'}",
            "prometheus.url (PROMETHEUS_URL): must start with http:// or https://",
        ),
        ("http: {port: 70000}", "http.port (SRE_BOT_HTTP_PORT): Input should be less than or equal to 65535"),
        ("prometheus: {}", "prometheus.url (PROMETHEUS_URL): Field required"),
        (
            "slack: {bot_token: xoxb-1}",
            "slack.bot_token is a secret and does not belong in the file. Set SLACK_BOT_TOKEN",
        ),
        ("- a list", "must hold keys and values at its top level, not a list"),
        ("a: 1\nb: [", "is not valid YAML in line 2"),
        ("slack: {app_token_file: missing}", "cannot read the file for SLACK_APP_TOKEN"),
        ("log_format: xml", "log_format: Input should be 'json' or 'text'"),
    ],
)
def test_a_mistake_is_explained_with_what_to_change(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        load(write(tmp_path, text))
    assert sentence in str(raised.value)


def test_a_named_file_that_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="create it or unset the variable"):
        load({"SRE_BOT_CONFIG": str(tmp_path / "nowhere.yaml")})


def test_an_empty_secret_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("\n")
    with pytest.raises(ConfigurationError, match="is empty"):
        load(write(tmp_path, "slack: {bot_token_file: token}"))


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

    def tree(value: object) -> Any:
        value = value[0] if isinstance(value, list) else value
        return {key: tree(inner) for key, inner in value.items()} if isinstance(value, dict) else None

    assert tree(shown) == keys(Settings)
