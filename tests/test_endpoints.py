"""Named endpoints in the configuration: one or several, each with its own way in; mistakes say what to change."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from sre_bot.errors import ConfigurationError
from sre_bot.settings import load

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "correct-horse-battery"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With files of secrets."""
    for name in ("token", "password"):
        (tmp_path / name).write_text(f"{SECRET}-{name}\n")
    return tmp_path


def write(folder: Path, text: str) -> dict[str, str]:
    path = folder / "sre-bot.yaml"
    path.write_text(text, encoding="utf-8")
    return {"SRE_BOT_CONFIG": str(path)}


EVERYTHING = """
prometheus:
  - name: eu
    url: https://mimir.example/prometheus
    environment: production
    tenant: team-a
    headers: {THANOS-TENANT: team-a, X-Region: eu}
    username: bot
    password_file: password
    ca_file: ca.pem
    cert_file: ours.pem
    key_file: ours.key
    public_url: https://grafana.example/eu
  - {name: us, url: "http://us:9090", token_file: token}
alertmanager:
  - {name: am-0, url: "http://am-0:9093"}
  - {name: am-1, url: "http://am-1:9093"}
loki: {url: "http://loki:3100"}
tempo: [{url: "http://tempo:3200"}]
"""


def test_there_may_be_several_of_each_with_all_that_lets_us_in(folder: Path) -> None:
    settings = load(write(folder, EVERYTHING))
    eu, us = settings.prometheus
    assert (eu.name, eu.environment, eu.tenant, eu.username) == ("eu", "production", "team-a", "bot")
    assert dict(eu.headers) == {"THANOS-TENANT": "team-a", "X-Region": "eu"}
    assert (eu.ca_file, eu.cert_file, eu.key_file) == tuple(folder / f for f in ("ca.pem", "ours.pem", "ours.key"))
    assert us.token is not None
    assert us.token.get_secret_value() == f"{SECRET}-token"
    assert [one.name for one in settings.endpoints] == ["eu", "us", "am-0", "am-1", "loki", "tempo"]
    assert [one.timeout_seconds for one in settings.endpoints] == [10, 10, 5, 5, 10, 10]


def test_every_secret_of_every_endpoint_is_a_credential_and_shown_nowhere(folder: Path) -> None:
    settings = load(write(folder, EVERYTHING))
    sent = base64.b64encode(f"bot:{SECRET}-password".encode()).decode()
    assert set(settings.credentials()) == {f"{SECRET}-token", f"{SECRET}-password", sent}
    assert SECRET not in repr(settings) + settings.model_dump_json()
    url = "prometheus: [{name: a, url: http://a}, {name: b, url: 'http://me:hunter22@b'}]"
    assert load(write(folder, url)).credentials() == ("hunter22",)


@pytest.mark.parametrize("kind", ["prometheus", "alertmanager", "loki", "tempo"])
class TestVariables:
    def test_the_url_makes_one_where_there_is_none(self, folder: Path, kind: str) -> None:
        for text in ("", f"{kind}: []", f"{kind}: {{}}", f"{kind}:", f"{kind}: [{{tenant: a}}]"):
            settings = load(write(folder, text) | {f"{kind.upper()}_URL": "http://env"})
            assert [(one.name, one.url) for one in settings.endpoints] == [(kind, "http://env")]

    def test_they_win_over_a_list_of_one(self, folder: Path, kind: str) -> None:
        text = f"{kind}: [{{name: a, url: http://file, token_file: token}}]"
        env = {f"{kind.upper()}_URL": "http://env", f"{kind.upper()}_TOKEN": "from-env"}
        [one] = load(write(folder, text) | env).endpoints
        assert (one.name, one.url, one.secrets()) == ("a", "http://env", ("from-env",))

    def test_of_several_they_stand_for_the_first(self, folder: Path, kind: str) -> None:
        text = f"{kind}: [{{name: a}}, {{name: b, url: http://b, token_file: token}}]"
        env = {f"{kind.upper()}_URL": "http://a", f"{kind.upper()}_TOKEN": "from-env"}
        settings = load(write(folder, text) | env)
        assert [(one.url, one.secrets()) for one in settings.endpoints] == [
            ("http://a", ("from-env",)),
            ("http://b", (f"{SECRET}-token",)),
        ]

    @pytest.mark.parametrize(
        ("variable", "key"),
        [("URL", "url"), ("TOKEN", "token_file"), ("TOKEN_FILE", "token_file"), ("PASSWORD", "password_file")],
    )
    def test_where_the_first_of_several_has_its_own_they_are_refused(
        self, folder: Path, kind: str, variable: str, key: str
    ) -> None:
        name = f"{kind.upper()}_{variable}"
        text = f"{kind}: [{{name: a, url: http://a, username: u, {key}: http://token}}, {{name: b, url: http://b}}]"
        with pytest.raises(ConfigurationError) as raised:
            load(write(folder, text.replace("username: u, url: http://token", "username: u")) | {name: "http://env"})
        assert f"{name.removesuffix('_FILE')} is set, and 2 are listed under {kind} (a, b)" in str(raised.value)
        assert f"take {key} from the first" in str(raised.value)


def test_a_password_may_come_from_a_variable(folder: Path) -> None:
    env = write(folder, "prometheus: {url: http://p, username: bot}") | {"PROMETHEUS_PASSWORD": "pass word"}
    assert load(env).prometheus[0].secrets()[0] == "pass word"


def test_a_password_is_any_text_of_one_line_wherever_it_stands(folder: Path) -> None:
    (folder / "password").write_text("pass wörd")
    text = """
prometheus:
  - {name: a, url: http://a, username: u, password_file: password}
  - {name: b, url: http://b, username: u, password_file: password}
"""
    assert [one.secrets()[0] for one in load(write(folder, text)).prometheus] == ["pass wörd"] * 2


ONE = "url: 'https://p'"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("prometheus: [{url: http://a}, {url: http://b}]", "prometheus: there are 2 of it, so each needs a name"),
        ("loki: [{name: a, url: http://a}, {url: http://b}]", "give one to number 2"),
        ("prometheus: [{name: a, url: http://a}, {name: a, url: http://b}]", "two sources are named 'a'"),
        ("prometheus: [{name: a, url: http://a}]\nloki: {name: a, url: http://b}", "two sources are named 'a'"),
        ("prometheus: http://p:9090", "prometheus: must hold keys of its own"),
        ("prometheus: [http://p:9090]", "prometheus: must hold keys of its own"),
        ("prometheus: [{name: a, url: ftp://a}]", "prometheus.0.url: must begin with http"),
        ("prometheus: [{name: a, url: http://a, tokn_file: b}]", "prometheus.0.tokn_file: unknown key; did you"),
        ("prometheus: {url: http://a, verify: false}", "prometheus.verify: unknown key; known keys here: ca_file"),
        (
            f"prometheus: [{{name: a, url: http://a}}, {{name: b, url: http://b, token: {SECRET}}}]",
            "prometheus.1.token is a secret and does not belong in the file. Write it to a file of its own",
        ),
        (f"tempo: {{url: http://a, password: {SECRET}}}", "Set TEMPO_PASSWORD, or write it to a file of its own"),
        ("prometheus: {url: http://a, token_file: absent}", "cannot read the file for PROMETHEUS_TOKEN"),
        (
            "prometheus: [{name: a, url: http://a}, {name: b, url: http://b, token_file: absent}]",
            "cannot read the file for prometheus.1.token",
        ),
        (f"prometheus: {{{ONE}, username: u}}", "username is set, but no password: name the file"),
        (f"prometheus: {{{ONE}, password_file: password}}", "there is a password but no username"),
        (f"prometheus: {{{ONE}, username: 'a:b', password_file: password}}", "must not hold a colon"),
        (
            f"prometheus: {{{ONE}, username: u, password_file: password, token_file: token}}",
            "there is more than one of a token, a username, and a login in url",
        ),
        ("prometheus: {url: 'http://u:p@x', token_file: token}", "there is more than one of a token"),
        (f"prometheus: {{{ONE}, cert_file: c}}", "cert_file is set, but not key_file, the private key"),
        (f"prometheus: {{{ONE}, key_file: c}}", "key_file is set, but not cert_file, the certificate"),
        ("prometheus: {url: http://x, ca_file: c}", "ca_file is set, but url starts with http://"),
        ("prometheus: {url: http://x, cert_file: c, key_file: k}", "cert_file is set, but url starts with http://"),
        (f"prometheus: {{{ONE}, headers: {{Authorization: x}}}}", "use token_file for a bearer token, username with"),
        (f"prometheus: {{{ONE}, headers: {{cookie: x}}}}", "cookie holds a secret"),
        (f"prometheus: {{{ONE}, headers: {{X-Api-Key: x}}}}", "X-Api-Key holds a secret"),
        (f"prometheus: {{{ONE}, headers: {{host: x}}}}", "host cannot be set: it follows from url"),
        (f"prometheus: {{{ONE}, headers: {{Content-Length: '1'}}}}", "it belongs to HTTP itself"),
        (f"prometheus: {{{ONE}, headers: {{'a b': x}}}}", "'a b' cannot be the name of a header"),
        (f"prometheus: {{{ONE}, headers: {{A: x, a: y}}}}", "a header is there twice"),
        (f"prometheus: {{{ONE}, headers: {{A: ''}}}}", "prometheus.headers.A: must be plain ASCII text"),
        (f'prometheus: {{{ONE}, headers: {{A: "x\\r\\nB: y"}}}}', "must be plain ASCII text on one line"),
        (f"prometheus: {{{ONE}, headers: {{A: 1}}}}", "prometheus.headers.A: must be text"),
        (f"prometheus: {{{ONE}, tenant: ' '}}", "prometheus.tenant: must be plain ASCII text"),
        (f"prometheus: {{{ONE}, tenant: a, headers: {{x-scope-orgid: b}}}}", "tenant is sent as X-Scope-OrgID"),
        (f"prometheus: {{{ONE}, name: ''}}", "prometheus.name: "),
    ],
)  # fmt: skip
def test_a_mistake_is_explained_with_what_to_change_and_without_secrets(folder: Path, text: str, sentence: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        load(write(folder, text))
    assert sentence in str(raised.value)
    assert SECRET not in str(raised.value)
