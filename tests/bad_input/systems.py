"""Systems that are not there, are not what they should be, or answer badly."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gzip
import json
import time
from typing import TYPE_CHECKING

from tests.bad_input.row import ASK, SERVE, Row
from tests.sources.hostile import Hostile, drips, hostile, http, resets, says

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    from tests.sources.hostile import Behaviour

    Answers = Callable[[], AbstractAsyncContextManager[Hostile]]

NOW = time.time()
_API = "check that its url leads to the API, not to a login page"
_REACH = "check that it runs and its url is right"
_LOG = "its own log, or that of a proxy before it, tells why"
_AM = "is its url that of an Alertmanager of version 0.16 or later?"
_PROMETHEUS = "is its url that of a Prometheus API?"
_RESTART = "it may be restarting, or its url may not be that of an HTTP server"
_SLACK = {"SLACK_API_URL": "{server}", "SLACK_BOT_TOKEN": "xoxb-hunter2", "SLACK_APP_TOKEN": "xapp-hunter2"}
_NOT_SLACK = "an answer that is not Slack's, HTTP 200"


def _behaves(behave: Behaviour) -> Answers:
    return functools.partial(hostile, behave)


def _answers(body: bytes, *headers: str, status: str = "200 OK", kind: str = "application/json") -> Answers:
    return _behaves(says(http(body, *headers, status=status, kind=kind)))


def _samples(*found: tuple[dict[str, str], float, str], warnings: tuple[str, ...] = ()) -> Answers:
    """What answers every query with these samples: labels, time and value."""
    result = [{"metric": metric, "value": [moment, value]} for metric, moment, value in found]
    data = {"resultType": "vector", "result": result, "version": "3.1.0"}
    return _answers(json.dumps({"status": "success", "data": data, "warnings": warnings}).encode())


@contextlib.asynccontextmanager
async def plain() -> AsyncIterator[Hostile]:
    """A server that, like most, answers whatever it does not understand with 400."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(http(b"", status="400 Bad Request"))
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield Hostile(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")


def _checked(does: str, wrong: str, advice: str, answers: Answers | None = None, url: str = "{server}") -> Row:
    return Row(does, wrong, advice, env={"PROMETHEUS_URL": url}, answers=answers)


def _asked(does: str, wrong: str, advice: str, answers: Answers | None = None, url: str = "{server}") -> Row:
    return Row(does, wrong, advice, words=ASK, env={"PROMETHEUS_URL": url}, answers=answers, status=0)


def _other(name: str, does: str, wrong: str, advice: str, answers: Answers) -> Row:
    return Row(does, wrong, advice, env={f"{name.upper()}_URL": "{server}"}, answers=answers)


_LOGIN = _answers(b"<!doctype html><title>Sign in</title><form>", kind="text/html")
_BOMB = _answers(gzip.compress(b" " * (40 << 20)), "Content-Encoding: gzip")
_DRIP = _behaves(drips(http(b"x" * 1000)[:-1000], b"x", 0.05))
_NO_LIST = _answers(b'[{"labels": null, "startsAt": null}]')
_HUGE = {"alertname": "x" * (2 << 20), "job": "y" * (2 << 20)}

ROWS = (
    _checked("nobody listens", "cannot be reached at http://127.0.0.1:", _REACH, url="{nowhere}"),
    _asked("nobody listens, asked", "cannot be reached at http://127.0.0.1:", _REACH, url="{nowhere}"),
    _checked("no such host", "Name or service not known", _REACH, url="http://prometheus.invalid:9090"),
    _checked("a host with a blank", "Name or service not known", _REACH, url=f"http://{'a' * 70}.example:9090"),
    _checked("HTML", "answered with a web page (HTML): “Sign in”", _API, _LOGIN),
    _asked("HTML, asked", "answered with a web page (HTML): “Sign in”", _API, _LOGIN),
    _checked("500 without a word", "answered HTTP 500;", _LOG, _answers(b"", status="500 Oh no")),
    _asked("500, asked", "answered HTTP 500 (boom)", _LOG, _answers(b"boom", status="500 Oh no")),
    _checked(
        "502 of a proxy",
        "answered HTTP 502 (502 Bad Gateway nginx)",
        _LOG,
        _answers(b"<html><h1>502 Bad Gateway</h1><hr>nginx</html>", kind="text/html", status="502 Bad Gateway"),
    ),
    _checked(
        "503 in its own words",
        "answered HTTP 503 (starting up)",
        _LOG,
        _answers(b'{"status": "error", "error": "starting up."}', status="503 Service Unavailable"),
    ),
    _checked("401", "answered HTTP 401 (no)", "check its token", _answers(b"no", status="401 Unauthorized")),
    _checked("403", "answered HTTP 403 (no)", "check what its token may read", _answers(b"no", status="403 Forbidden")),
    _checked("404", "answered HTTP 404 (no)", "check its url, and the path prefix", _answers(b"no", status="404 No")),
    _checked("429", "answered HTTP 429;", "ask less often, or raise its limit", _answers(b"", status="429 Too Many")),
    Row(
        "slow",
        "gave no full answer within 0.3 s",
        "raise its timeout_seconds",
        config="prometheus: {url: '{server}', timeout_seconds: 0.3}",
        answers=_DRIP,
    ),
    Row(
        "slow, asked",
        "gave no full answer within 0.3 s",
        "raise its timeout_seconds",
        words=ASK,
        config="prometheus: {url: '{server}', timeout_seconds: 0.3}",
        answers=_DRIP,
        status=0,
    ),
    Row(
        "partial data",
        "2 of 2 targets are up",
        "it warns: store eu-1 is away",
        env={"PROMETHEUS_URL": "{server}"},
        answers=_samples(({}, NOW, "2"), warnings=("store eu-1 is away",)),
        status=0,
    ),
    _asked(
        "partial data, asked",
        "answered with part of the data: store eu-1 is away",
        "Could not be seen",
        _samples(warnings=("store eu-1 is away",)),
    ),
    _checked(
        "a redirect to a login",
        "redirects to https://login.example/sso, which is not followed",
        "set its url to where it really is",
        _answers(b"", "Location: https://login.example/sso", status="302 Found"),
    ),
    _checked("a gzip bomb", "the answer is larger than 32,768 KiB", "ask for less", _BOMB),
    _checked("no gzip", "sent gzip that is broken", "a proxy before it?", _answers(b"no", "Content-Encoding: gzip")),
    _checked("cut in the middle", "broke off its answer (peer closed", _RESTART, _behaves(resets)),
    _asked("cut in the middle, asked", "broke off its answer (peer closed", _RESTART, _behaves(resets)),
    _checked("hung up", "broke off its answer (Server disconnected", _RESTART, _behaves(says(b""))),
    _checked("another protocol", "broke off its answer (", _RESTART, _behaves(says(b"SSH-2.0-OpenSSH_9.6\r\n"))),
    _checked("http to a TLS port", "broke off its answer (", _RESTART, _behaves(says(b"\x15\x03\x01\x00\x02\x02\x46"))),
    _checked("https to a plain port", "does not speak TLS at https://127", "start with http://?", plain, url="{tls}"),
    _checked("nothing", "gave an empty answer", "check that its url leads to the API", _answers(b"")),
    _checked("JSON of another program", "answered JSON that is not Prometheus'", _PROMETHEUS, _answers(b'{"a": 1}')),
    _checked("JSON of no form", "answered JSON of an unknown form", _PROMETHEUS, _samples(({}, NOW, "many"))),
    _checked("JSON too deep", "answered with something that is not JSON", _API, _answers(b"[" * 100_000)),
    Row(
        "targets that are no number",
        "it scrapes no targets",
        "3.1.0",
        env={"PROMETHEUS_URL": "{server}"},
        answers=_samples(({}, NOW, "NaN")),
        status=0,
    ),
    _asked(
        "NaN and infinity",
        "prometheus: counts nan alerts",
        _PROMETHEUS,
        _samples(({"job": "a"}, NOW, "NaN"), ({"job": "b"}, NOW, "+Inf")),
    ),
    _asked("a label of 2 MB", "No alert fires", "as of 20", _samples((_HUGE, NOW, "1"))),
    _asked(
        "one series twice, in the past",
        "1 series with the same labels as another",
        "left out",
        _samples(({"job": "a"}, 9.0, "1"), ({"job": "a"}, -5.0, "1")),
    ),
    _asked("a clock a day ahead", "No alert fires", "as of 20", _samples(({"job": "a"}, NOW + 86_400, "1"))),
    _other("alertmanager", "the API of old", "of an unknown form (at versionInfo)", _AM, _answers(b'{"data": []}')),
    _other("alertmanager", "null for an alert", "answered JSON of an unknown form", _AM, _NO_LIST),
    Row(
        "null for an alert, asked",
        "answered JSON of an unknown form (at 0.labels)",
        _AM,
        words=ASK,
        env={"ALERTMANAGER_URL": "{server}"},
        answers=_NO_LIST,
        status=0,
    ),
    _other("loki", "HTML for logs", "answered with a web page (HTML)", _API, _LOGIN),
    _other(
        "loki",
        "logs without a tenant",
        "answered HTTP 401 (no org id)",
        "check its token or password, and its tenant if it wants one",
        _answers(b"no org id\n", kind="text/plain", status="401 Unauthorized"),
    ),
    _other("tempo", "500 for traces", "answered HTTP 500;", _LOG, _answers(b"", status="500 Oh no")),
    Row("HTML for Slack", _NOT_SLACK, "SLACK_API_URL if you set it", env=_SLACK, answers=_LOGIN),
    Row("serve with HTML for Slack", _NOT_SLACK, "SLACK_API_URL", words=SERVE, env=_SLACK, answers=_LOGIN, status=2),
    Row(
        "a scope that is missing",
        "Slack refuses us: missing_scope (it needs connections:write)",
        "Check SLACK_BOT_TOKEN (xoxb-…) and SLACK_APP_TOKEN (xapp-…, with connections:write)",
        env=_SLACK,
        answers=_answers(b'{"ok": false, "error": "missing_scope", "needed": "connections:write"}'),
    ),
    Row(
        "no Slack",
        "no connection to slack.invalid:80 (Name or service not known)",
        "Check the network, and SLACK_API_URL",
        env={**_SLACK, "SLACK_API_URL": "http://slack.invalid/api/"},
    ),
)
