"""Secrets out: whatever their notation, and nothing else."""

from __future__ import annotations

import base64
import gzip
import html
import json
import random
import string
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sre_bot.redaction import Redactor
from tests.endings import ends

CORPORA = Path(__file__).parents[1] / "../shared/corpora"
REDACTOR = Redactor()
DICE = random.Random(20261122)  # noqa: S311 - test data, the same in every run


def drawn(length: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    return "".join(DICE.choice(alphabet) for _ in range(length))


def token(prefix: str, length: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    """Put together at run time: hosts refuse commits that hold such strings."""
    return prefix + drawn(length - 1, alphabet) + DICE.choice("0123456789")


HEX = "0123456789abcdef"
JWT = ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (b'{"alg":"HS256"}', b'{"sub":"1"}'))
SHAPED = {
    "aws-key": token("AKIA", 16, string.ascii_uppercase + "234567"),
    "github-token": token("ghp" + "_", 36),
    "gitlab-token": token("glpat" + "-", 20),
    "slack-token": token("xoxb" + "-", 11, string.digits) + "-" + drawn(24),
    "anthropic-key": token("sk-ant-" + "api03-", 93),
    "jwt": JWT + "." + drawn(43),
    "password-hash": "$2b$" + "12$" + drawn(53),
    "webhook": "hooks.slack.com/services/" + "T0AAAA/B0BBBB/" + drawn(24),
}
API_TOKENS = (
    token("sk" + "_live_", 24),
    token("sk-" + "proj-", 40),
    token("glsa" + "_", 32) + "_" + drawn(8, HEX),
    token("npm" + "_", 36),
    token("AIza", 35),
    token("hvs" + ".", 24),
    token("dop" + "_v1_", 64, HEX),
    token("SG" + ".", 22) + "." + drawn(43),
    token("dckr" + "_pat_", 27),
    token("hf" + "_", 34),
)
PLAIN = {
    "hex": drawn(32, HEX) + "7",
    "base64": drawn(18) + "/+4" + drawn(18),
    "uuid": f"{drawn(8, HEX)}-{drawn(4, HEX)}-4{drawn(3, HEX)}-{drawn(4, HEX)}-{drawn(12, HEX)}",
    "mixed": drawn(14) + "!9x",
    "words": f"quiet.harbour-{drawn(5, string.digits)}",
}
SECRETS = {**SHAPED, **PLAIN}

NOTATIONS = (
    'level=error msg="dial tcp" dsn=postgres://app:{}@db-0.prod:5432/orders?sslmode=disable err="timeout"',
    "Error 111 connecting to redis://:{}@redis-master:6379/0",
    "fatal: Authentication failed for 'https://ci:{}@gitlab.internal/x.git/'",
    "> Authorization: Bearer {}",
    '{{"headers":{{"authorization":"Bearer {}","host":"api"}}}}',
    'proxy_set_header Authorization "Basic {}";',
    "DB_PASSWORD={}",
    "+ export API_TOKEN={}",
    "ENV SECRET_KEY_BASE={}",
    "docker run -e MYSQL_ROOT_PASSWORD={} -e A=b mysql:8",
    "  password: {}",
    '  clientSecret: "{}"',
    "        - name: SECRET_KEY\n          value: {}",
    '{{"name": "DB_PASSWORD", "value": "{}"}}',
    '{{"user":"svc","password":"{}","host":"db"}}',
    '{{"msg":"{{\\"api_key\\":\\"{}\\",\\"a\\":1}}"}}',
    "ts=2026-01-02T03:04:05Z level=debug token={} path=/v1/x",
    'GET /v1/data?user=3&access_token={}&page=2 HTTP/1.1" 200',
    "https://b.s3.amazonaws.com/k?X-Amz-Credential=x&X-Amz-Signature={}&X-Amz-Expires=300",
    "Cookie: session={}; theme=dark",
    "Set-Cookie: sid={}; HttpOnly; Path=/",
    "curl -u admin:{} https://grafana/api/health",
    "sshpass -p {} ssh root@db",
    "ps: /usr/bin/app --db-password {} --port 80",
    "/usr/bin/app --token={} --port 80",
    "jdbc:mysql://db:3306/x?user=app&password={}",
    "host=db user=app password={} dbname=x",
    "Server=db;Database=x;User Id=sa;Password={};Encrypt=true",
    "DefaultEndpointsProtocol=https;AccountName=x;AccountKey={};EndpointSuffix=core.windows.net",
    "Settings(host='db', password='{}', port=5432)",
    "Settings(password=SecretStr('{}'))",
    "config={{Host:db Password:{} Port:5432}}",
    "temporary password is {} please rotate",
    "the database password was changed to {} yesterday",
    "new api key: {}",
    "<password>{}</password>",
    '<add key="DbPassword" value="{}"/>',
    'api_key = "{}"',
    "--set auth.rootPassword={}",
    "X-API-Key: {}",
    "X-Vault-Token: {}",
    "slack_configs: [{{api_url: https://hooks.slack.com/services/T0000/B0000/{}}}]",
    "CREATE USER 'app'@'%' IDENTIFIED BY '{}';",
    "requirepass {}",
)

INNOCENT = (
    f"commit {drawn(40, HEX)}",
    f"image: registry.local/app@sha256:{drawn(64, HEX)}",
    f"request_id={PLAIN['uuid']} x-request-id: {drawn(32, HEX)}",
    f"traceparent: 00-{drawn(32, HEX)}-{drawn(16, HEX)}-01 trace_id={drawn(32, HEX)}",
    f'pod="checkout-{drawn(9)}-{drawn(5)}" container_id=containerd://{drawn(64, HEX)}',
    f"member {drawn(16, HEX)} is unhealthy, fingerprint={drawn(16, HEX)}",
    'http_requests_total{code="500",handler="/api/v1/tokens"} 1.2345e+06',
    "usage input_tokens=18234 output_tokens=912 max_tokens=4096 token=120",
    "token expired at 2026-01-02T03:04:05Z; invalid password: too short; token: expired",
    "password_file: /etc/prometheus/secrets/pw token_url=https://id.internal/oauth/token",
    "secretKeyRef: {name: db-creds, key: password} secretName: checkout-tls-2026",
    "postgres://app:{password}@db/x password: ${DB_PASSWORD} token: {{ .Values.token }} secret=*** api_key=<redacted>",
    "password = settings.database.password\ntoken = get_token(request)",
    f"next_page_token={drawn(20)} partition_key=2026-11-22 idempotency_key={PLAIN['uuid']}",
    "http://prometheus:9090/graph?g0.expr=up&mail=ann@example.com",
    'User "system:serviceaccount:prod:token-refresher" cannot list',
    "key_cache_hit_ratio=0.983 token_bucket_remaining=120 sig=9",
    "net/http.(*conn).serve(0xc000ca7275, {0x1a2b3c, 0xc0008c5383})",
    "docker run -u 1000:1000 curlimages/curl",
    "Привет, мир – 決済 🙂",
)


@pytest.mark.parametrize("notation", NOTATIONS)
@pytest.mark.parametrize("kind", sorted({*SECRETS} - {"webhook"}))
def test_secret_goes_and_the_text_around_it_stays(notation: str, kind: str) -> None:
    secret = SECRETS[kind]
    redacted = REDACTOR.redact(notation.format(secret))
    before, after = notation.format("\0").split("\0")
    assert secret not in redacted
    assert redacted.startswith(before[:12].split("{")[0])
    assert redacted.endswith(after[9:])
    assert "[redacted:" in redacted
    assert REDACTOR.redact(redacted) == redacted, "redacting twice is redacting once"


@pytest.mark.parametrize("kind", SHAPED)
def test_token_gives_itself_away_without_any_context(kind: str) -> None:
    assert REDACTOR.redact(f"see {SHAPED[kind]} there").endswith(f"[redacted:{kind}] there")


@pytest.mark.parametrize("secret", API_TOKENS, ids=lambda secret: str(secret)[:4])
def test_vendor_prefix_is_enough(secret: str) -> None:
    assert REDACTOR.redact(f"({secret})") == "([redacted:api-token])"


@pytest.mark.parametrize("cut", [0, 1])
def test_private_key_goes_whole_also_cut_short_in_a_diff_or_in_json(cut: int) -> None:
    lines = ["-----BEGIN RSA " + "PRIVATE KEY-----", *(drawn(64) for _ in range(5)), drawn(20) + "=="]
    lines += [] if cut else ["-----END RSA " + "PRIVATE KEY-----"]
    for text in ("\n".join(lines), "\n".join(f"+{line}" for line in lines), json.dumps("\n".join(lines))):
        redacted = REDACTOR.redact(f"before\n{text}\nafter")
        assert not any(line in redacted for line in lines[1:6])
        assert redacted.startswith("before\n")
        assert redacted.endswith("after")


@pytest.mark.parametrize("text", INNOCENT)
def test_what_an_investigation_lives_on_stays(text: str) -> None:
    assert REDACTOR.redact(text) == text


@pytest.mark.parametrize("secret", ["winter rose & thorn/7", "pässwört-lang", 'quöte"and\\back', PLAIN["base64"]])
def test_configured_credential_goes_in_every_form_it_travels_in(secret: str) -> None:
    redactor = Redactor([secret])
    forms = [
        secret,
        quote(secret, safe=""),
        quote(secret).replace("%C3%A4", "%c3%a4"),
        json.dumps(secret),
        json.dumps(secret, ensure_ascii=False),
        repr(secret),
        html.escape(secret),
    ]
    for before in ("", "a", "ab"):
        packed = base64.b64encode(f"{before}{secret}:tail".encode())
        forms += [packed.decode(), base64.urlsafe_b64encode(base64.b64decode(packed)).decode()]
    for form in forms:
        assert "[redacted:configured]" in redactor.redact(f"x {form} y"), form


def test_short_credential_does_not_blank_innocent_words() -> None:
    assert Redactor(["", "abc"]).redact("the abc of it") == "the abc of it"


def test_kinds_are_counted() -> None:
    text = f"DB_PASSWORD={PLAIN['words']} and {SHAPED['jwt']} and {SHAPED['jwt']}"
    assert REDACTOR.kinds(text) == {"password": 1, "jwt": 2}


def test_overlapping_findings_become_one_named_by_the_surest() -> None:
    text = f"Authorization: Bearer {SHAPED['anthropic-key']}"
    assert REDACTOR.redact(text) == "Authorization: Bearer [redacted:anthropic-key]"


FRAGMENTS = st.one_of(
    st.sampled_from(
        ["password", "token", "=", ": ", '"', "'", "\n", " ", "https://", "@", "Bearer ", "Cookie: ", "\\"]
    ),
    st.sampled_from(sorted(SECRETS.values())),
    st.text(max_size=8),
)


@settings(deadline=None)
@given(st.lists(FRAGMENTS, max_size=8).map("".join), st.lists(FRAGMENTS, max_size=8).map("".join))
def test_configured_credential_never_survives(before: str, after: str) -> None:
    secret = "kept-very-secret-2026"
    assert secret not in Redactor([secret]).redact(before + secret + after)


def test_lone_surrogates_pass_through() -> None:
    assert REDACTOR.redact("\ud800 password=\udfffwinter9") == "\ud800 password=[redacted:password]"


HOSTILE = (
    "token=",
    "token=a1b2c3 ",
    "key=",
    "x://a:",
    "x://a:b@",
    "curl ",
    "cookie: a=b; ",
    "\\'token='",
    "eyJaaaaaaaa.",
)


@pytest.mark.parametrize("piece", HOSTILE)
def test_hostile_repetition_comes_to_an_end(piece: str) -> None:
    with ends():
        once = REDACTOR.redact(piece * 10_000)
        assert REDACTOR.redact(once) == once


def test_megabytes_of_ordinary_logs_are_not_changed() -> None:
    line = (
        '{"time":"2026-07-11T12:00:00Z","severity":"INFO","service":"catalog","message":"served page",'
        f'"trace_id":"{drawn(32, HEX)}","http.route":"/api/catalog/item","user_token_count":3}}'
    )
    text = "\n".join([line] * 20_000)
    assert REDACTOR.redact(text) == text


def corpus(name: str) -> list[dict[str, Any]]:
    path = CORPORA / name
    if not path.exists():
        pytest.skip(f"the corpus {name} is not here")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def test_corpus_of_secrets_in_logs_and_configuration_loses_97_per_cent() -> None:
    rows = corpus("redaction_ops_forms.jsonl.gz")
    leaks = [row["text"] for row in rows if any(secret in REDACTOR.redact(row["text"]) for secret in row["secrets"])]
    assert len(leaks) <= 0.03 * len(rows), leaks


def test_corpus_of_identifiers_is_not_changed() -> None:
    assert [
        row["text"] for row in corpus("redaction_must_keep.jsonl.gz") if REDACTOR.redact(row["text"]) != row["text"]
    ] == []
