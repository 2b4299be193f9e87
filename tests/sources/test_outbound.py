"""A source reaches its address on its paths and nothing else, in bounded time and bounded bytes, by either door."""

from __future__ import annotations

import asyncio
import gzip
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
import requests
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sre_bot.errors import ConfigurationError, QueryRefusedError, SourceError, SourceUnavailableError
from sre_bot.sources.access import Access
from sre_bot.sources.outbound import Policy, PolicyAdapter, PolicyTransport

from .hostile import drips, hostile, http, resets, says

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from .hostile import Behaviour

    Door = Callable[[PolicyTransport, str], Coroutine[Any, Any, tuple[int, bytes]]]

CORPORA = Path(__file__).parents[2] / "../shared/corpora"
PREFIX = "/team-a/prometheus"
PATHS = ("/api/v1/query", "/api/v1/series")


def _policy(url: str = f"http://metrics.internal:9090{PREFIX}", *, token: str | None = None) -> Policy:
    return Policy.of("prometheus", url, PATHS, access=Access(token=token), deadline=5)


async def _by_httpx(transport: PolicyTransport, url: str) -> tuple[int, bytes]:
    async with httpx.AsyncClient(transport=transport, trust_env=False) as client:
        response = await client.get(url, follow_redirects=True)
        return response.status_code, response.content


async def _by_requests(transport: PolicyTransport, url: str) -> tuple[int, bytes]:
    def ask(loop: asyncio.AbstractEventLoop) -> tuple[int, bytes]:
        with requests.Session() as session:
            session.mount("http://", PolicyAdapter(transport, loop))
            session.mount("https://", PolicyAdapter(transport, loop))
            response = session.get(url)
            return response.status_code, response.content

    try:
        return await asyncio.to_thread(ask, asyncio.get_running_loop())
    finally:
        await transport.aclose()


@pytest.fixture(params=[_by_httpx, _by_requests])
def door(request: pytest.FixtureRequest) -> Door:
    """Both ways out."""
    ask: Door = request.param
    return ask


class _Recording(httpx.AsyncBaseTransport):
    """A network that notes what it is asked and answers OK."""

    def __init__(self) -> None:
        self.asked: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        return httpx.Response(200, content=b"{}")


async def _bad(door: Door, behave: Behaviour, deadline: float = 5) -> SourceError:
    """Ask a hostile server; the error it ends in."""
    async with hostile(behave) as server:
        policy = replace(_policy(server.url + PREFIX), max_bytes=1024 * 1024, deadline=deadline)
        async with asyncio.timeout(60):
            with pytest.raises(SourceError) as caught:
                await door(PolicyTransport(policy), policy.url(PATHS[0]))
    return caught.value


class TestBounds:
    @pytest.mark.parametrize(
        "behave",
        [
            pytest.param(drips(http(b"x" * 10_000)[:-10_000], b"x", 0.05), id="body"),
            pytest.param(drips(b"HTTP/1.1 200 OK\r\nX: ", b"x", 0.05), id="headers"),
            pytest.param(drips(b"", b"", 0.05), id="silence"),
        ],
    )
    async def test_a_slow_drip_ends_at_the_deadline(self, door: Door, behave: Behaviour) -> None:
        error = await _bad(door, behave, deadline=0.4)
        assert isinstance(error, SourceUnavailableError)
        assert "no full answer within 0.4 s" in str(error)

    async def test_a_gzip_bomb_is_cut_at_the_limit(self, door: Door) -> None:
        bomb = gzip.compress(bytes(64 * 1024 * 1024))
        error = await _bad(door, says(http(bomb, "Content-Encoding: gzip")))
        assert isinstance(error, QueryRefusedError)
        assert "larger than 1,024 KiB" in str(error)

    @pytest.mark.parametrize(
        ("answer", "sentence"),
        [
            (http(b"not gzip at all", "Content-Encoding: gzip"), "gzip that is broken"),
            (http(gzip.compress(b"x" * 5000)[:-12], "Content-Encoding: gzip"), "ends in the middle"),
            (http(b"?", "Content-Encoding: br"), "in br, which was not asked for"),
            (b"SSH-2.0-OpenSSH_9.2\r\n", "broke off its answer"),
            (b"", "broke off its answer"),
        ],
    )
    async def test_what_cannot_be_read_says_why(self, door: Door, answer: bytes, sentence: str) -> None:
        error = await _bad(door, says(answer))
        assert isinstance(error, SourceUnavailableError)
        assert sentence in str(error)

    async def test_a_reset_in_the_middle_is_said(self, door: Door) -> None:
        assert "broke off its answer" in str(await _bad(door, resets))

    async def test_a_good_gzip_answer_comes_whole(self, door: Door) -> None:
        body = b'{"a": 1}' * 1000
        async with hostile(says(http(gzip.compress(body), "Content-Encoding: gzip"))) as server:
            policy = _policy(server.url)
            assert await door(PolicyTransport(policy), policy.url(PATHS[0])) == (200, body)

    async def test_nobody_listening_says_what_to_check(self, door: Door) -> None:
        async with hostile(says(b"")) as server:
            policy = _policy(server.url)
        with pytest.raises(SourceUnavailableError, match=r"cannot be reached at http://127.0.0.1:\d+.*check that"):
            await door(PolicyTransport(policy), policy.url(PATHS[0]))

    async def test_a_thread_does_not_wait_for_a_loop_that_stands_still(self) -> None:
        loop = asyncio.new_event_loop()
        adapter = PolicyAdapter(PolicyTransport(replace(_policy(), deadline=0), _Recording()), loop)
        asked = requests.Request("GET", _policy().url(PATHS[0])).prepare()
        with pytest.raises(SourceUnavailableError, match="overloaded"):
            await asyncio.to_thread(adapter.send, asked)
        await asyncio.to_thread(loop.run_until_complete, asyncio.sleep(0))  # it moves again, and finds nobody waiting
        loop.close()


class TestRedirects:
    async def test_a_redirect_is_an_error_and_its_target_is_never_asked(self, door: Door) -> None:
        async with hostile(says(http(b"secret"))) as inner:
            location = f"Location: {inner.url}{PREFIX}{PATHS[0]}"
            error = await _bad(door, says(http(b"", location, status="302 Found")))
            assert "not followed" in str(error)
            assert inner.requests == []


class TestCredentials:
    async def test_a_bearer_token_is_sent_and_shown_nowhere(self, door: Door) -> None:
        network = _Recording()
        policy = _policy(token="hunter2")
        await door(PolicyTransport(policy, network), policy.url(PATHS[0]))
        assert network.asked[0].headers["authorization"] == "Bearer hunter2"
        assert "hunter2" not in repr(policy)

    async def test_user_and_password_of_the_url_become_basic_and_leave_the_url(self, door: Door) -> None:
        network = _Recording()
        policy = _policy("http://user:pass@metrics.internal")
        await door(PolicyTransport(policy, network), policy.url(PATHS[0]))
        assert network.asked[0].headers["authorization"] == "Basic dXNlcjpwYXNz"
        assert "pass" not in repr(policy) + policy.url(PATHS[0])

    async def test_headers_cookies_and_bodies_of_the_caller_stay_here(self) -> None:
        network = _Recording()
        policy = _policy()
        async with httpx.AsyncClient(
            transport=PolicyTransport(policy, network), headers={"X-API-Key": "k"}, cookies={"a": "b"}
        ) as client:
            await client.request("GET", policy.url(PATHS[0]), content=b"body", headers={"Host": "other.internal"})
        (sent,) = network.asked
        assert sent.headers["host"] == "metrics.internal:9090"
        assert sent.content == b""
        assert not {"x-api-key", "cookie", "authorization"} & set(sent.headers)

    async def test_proxies_of_the_environment_are_not_used(self, door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
        async with hostile(says(http(b"proxy"))) as proxy, hostile(says(http(b"direct"))) as server:
            monkeypatch.setenv("HTTP_PROXY", proxy.url)
            monkeypatch.setenv("ALL_PROXY", proxy.url)
            policy = _policy(server.url)
            assert (await door(PolicyTransport(policy), policy.url(PATHS[0])))[1] == b"direct"
            assert proxy.requests == []

    @pytest.mark.parametrize("token", ["a\nb", "a\r\nX-Evil: 1", "tokén"])
    def test_a_token_that_would_break_the_header_is_refused_unseen(self, token: str) -> None:
        with pytest.raises(ConfigurationError, match="its token") as caught:
            _policy(token=token)
        assert token not in str(caught.value)


class TestAddress:
    @pytest.mark.parametrize("slashes", ["", "/", "//"])
    def test_a_path_prefix_is_kept(self, slashes: str) -> None:
        assert _policy(f"https://host/a/b{slashes}").url("/api/v1/query") == "https://host/a/b/api/v1/query"
        assert _policy(f"http://host{slashes}").url("/api/v1/query") == "http://host/api/v1/query"
        assert _policy(f"http://[::1]:9090{slashes}").url("/api/v1/query") == "http://[::1]:9090/api/v1/query"

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "host:9090",
            "file:///etc/passwd",
            "ftp://host/",
            "http://",
            "http://h/?a=b",
            "http://h/#f",
            "http://h:x/",
        ],
    )
    def test_what_is_no_base_url_is_refused(self, url: str) -> None:
        with pytest.raises(ConfigurationError, match="its url"):
            _policy(url)


def _corpus(name: str) -> list[str]:
    file = CORPORA / name
    return gzip.decompress(file.read_bytes()).decode().splitlines() if file.exists() else []


_PIECES = st.sampled_from(
    [
        *("..", ".", "/", "//", "%2e%2e", "%2F", "\\", ";", "@", "#", "?", ":80", "evil.example", "http://"),
        *("/api/v1/admin/tsdb/delete_series", "/-/quit", "/api/v1/write", "query", "metrics.internal:9090"),
        *(PREFIX, *PATHS),
    ]
)


class TestAllowList:
    """No URL outside the allow-list is ever requested, whatever is asked for."""

    @settings(deadline=None)
    @given(url=st.lists(_PIECES, max_size=8).map("".join), base=st.sampled_from(["", "http://metrics.internal:9090"]))
    @example(url=f"{PREFIX}/api/v1/query/../../../../-/quit", base="http://metrics.internal:9090")
    @example(url="@evil.example/api/v1/query", base="http://metrics.internal:9090")
    def test_nothing_else_gets_out(self, url: str, base: str) -> None:
        asyncio.run(self._nothing_else([base + url]))

    @pytest.mark.parametrize("name", ["ssrf_urls.txt.gz", "path_traversal.txt.gz"])
    async def test_attacks_from_a_corpus_do_not_get_out(self, name: str) -> None:
        attacks = _corpus(name)
        if not attacks:
            pytest.skip(f"no {name} here")
        base = _policy().url(PATHS[0])
        await self._nothing_else([*attacks, *(f"{base}/{attack}" for attack in attacks), *(base + a for a in attacks)])

    @pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "HEAD", "OPTIONS"])
    async def test_only_get_gets_out(self, method: str) -> None:
        network = _Recording()
        policy = _policy()
        with pytest.raises(QueryRefusedError, match="not among the requests"):
            await PolicyTransport(policy, network).handle_async_request(httpx.Request(method, policy.url(PATHS[0])))
        assert network.asked == []

    async def test_what_is_allowed_gets_out(self, door: Door) -> None:
        network = _Recording()
        for path in PATHS:
            await door(PolicyTransport(_policy(), network), _policy().url(path) + "?query=a%2F..%2Fb")
        assert [str(sent.url) for sent in network.asked] == [
            f"http://metrics.internal:9090{PREFIX}{path}?query=a%2F..%2Fb" for path in PATHS
        ]

    async def _nothing_else(self, urls: list[str]) -> None:
        network = _Recording()
        transport = PolicyTransport(_policy(), network)
        adapter = PolicyAdapter(transport, asyncio.get_running_loop())
        async with httpx.AsyncClient(transport=transport, base_url=_policy().url(""), trust_env=False) as client:
            for url in urls:
                for ask in (client.get(url), asyncio.to_thread(self._send, adapter, url)):
                    try:
                        await ask
                    except (SourceError, httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError):
                        continue
        allowed = {f"http://metrics.internal:9090{PREFIX}{path}" for path in PATHS}
        assert {str(sent.url).partition("?")[0].partition("#")[0] for sent in network.asked} <= allowed

    @staticmethod
    def _send(adapter: PolicyAdapter, url: str) -> None:
        asked = requests.PreparedRequest()
        asked.method, asked.url = "GET", url  # as is: the adapter must not rely on what requests tidies up
        adapter.send(asked)


def _with_pattern(url: str = "http://traces.internal") -> Policy:
    pattern = "/api/traces/[0-9a-f]{1,32}"
    return Policy.of("tempo", url, ("/api/search",), deadline=5, patterns=(pattern,))


@pytest.mark.parametrize(
    "path", ["/api/search", "/api/traces/2f3e0cee77ae5dc9c17ade3689eb2e54", "/api/traces/a?start=1"]
)
def test_a_path_may_fit_a_pattern_in_full(path: str) -> None:
    policy = _with_pattern("http://traces.internal/tempo")
    policy.check("GET", httpx.URL(policy.url(path)))


@pytest.mark.parametrize(
    "path",
    [
        "/api/traces/",
        "/api/traces/xyz",
        "/api/traces/abc/../../overrides",
        "/api/traces/abc%2f..%2foverrides",
        "/api/traces/abc%0a",
        "/api/traces/abc/",
        "/flush/api/traces/abc",
        "/api/traces/" + "a" * 33,
    ],
)
def test_what_fits_a_pattern_only_in_part_is_refused(path: str) -> None:
    policy = _with_pattern()
    with pytest.raises(QueryRefusedError, match="not among the requests"):
        policy.check("GET", httpx.URL(policy.url(path)))


async def test_fixed_headers_go_with_every_request_and_those_of_the_caller_do_not() -> None:
    network = _Recording()
    headers = {"X-Scope-OrgID": "team-a"}
    policy = Policy.of("loki", "http://logs.internal", ("/ready",), access=Access(headers=headers), deadline=5)
    async with httpx.AsyncClient(transport=PolicyTransport(policy, network), trust_env=False) as client:
        await client.get(policy.url("/ready"), headers={"X-Scope-OrgID": "team-b", "X-Other": "1"})
    sent = network.asked[0].headers
    assert sent["X-Scope-OrgID"] == "team-a"
    assert "X-Other" not in sent


@pytest.mark.parametrize("value", ["", "team\r\nX-Admin: 1", "équipe"])
def test_a_header_that_cannot_be_sent_is_a_mistake_in_the_configuration(value: str) -> None:
    with pytest.raises(ConfigurationError, match="its header X-Scope-OrgID"):
        Policy.of("loki", "http://in", ("/ready",), access=Access(tenant=value), deadline=5)
