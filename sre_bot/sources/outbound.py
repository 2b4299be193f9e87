"""The outbound policy: what a source may ask of the network, held at both doors (httpx and requests).

A source reaches one address, by GET, on a short list of exact paths; nothing that a model writes can widen that. The
request that leaves is made here: headers, cookies and bodies of the caller are dropped, so credentials go nowhere
else. Redirects are errors, proxies and ``.netrc`` of the environment are not read, and the whole exchange, down to
the last byte of the body, has one deadline and one size limit, counted after decompression.
"""

from __future__ import annotations

import asyncio
import io
import re
import ssl
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import httpx
import requests
from requests.adapters import BaseAdapter

from sre_bot.errors import ConfigurationError, QueryRefusedError, SourceUnavailableError
from sre_bot.sources.access import Access, basic
from sre_bot.sources.tls import tls_sentence

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_BYTES = 32 * 1024 * 1024
"""Bytes of one answer, decompressed: 1.4 million samples of a range query."""
_CONNECTIONS = 16
_GRACE = 2.0
"""Seconds beyond the deadline in which a thread gets an answer from a loop that is busy."""
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Policy:
    """What one source may ask of the network.

    ``address`` has neither credentials nor a slash at its end; ``paths`` are below it and matched exactly, or in full
    by one of the ``patterns``, as they are sent (still percent-encoded); ``headers`` go with every request;
    ``deadline`` is in seconds for a whole exchange; ``max_bytes`` bounds a decompressed body; ``tls`` says whom to
    trust at an https address.
    """

    source: str
    address: httpx.URL
    paths: frozenset[str]
    deadline: float
    max_bytes: int = MAX_BYTES
    authorization: str | None = field(default=None, repr=False)
    patterns: tuple[re.Pattern[str], ...] = ()
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    tls: ssl.SSLContext | None = None

    @classmethod
    def of(
        cls,
        source: str,
        url: str,
        paths: Iterable[str],
        *,
        access: Access | None = None,
        deadline: float,
        patterns: Iterable[str] = (),
    ) -> Self:
        """The policy for a configured base URL, which may carry a path prefix and ``user:password@``.

        Raises:
            ConfigurationError: the URL cannot be a base URL, a header cannot be sent, or a file of certificates or a
                key is none; says why, without secrets.
        """
        try:
            parsed = httpx.URL(url)
        except httpx.InvalidURL as error:
            raise ConfigurationError(f"{source}: its url is not a URL: {error}") from None
        if parsed.scheme not in _PORTS or not parsed.host or parsed.query or parsed.fragment:
            raise ConfigurationError(f"{source}: its url must be http(s)://host[:port][/prefix] and nothing more")
        access = access or Access()
        authorization = access.authorization(source)
        if parsed.userinfo and not authorization:
            authorization = basic(parsed.username, parsed.password)
        return cls(
            source,
            parsed.copy_with(userinfo=b"", raw_path=parsed.raw_path.rstrip(b"/")),
            frozenset(paths),
            deadline,
            authorization=authorization,
            patterns=tuple(re.compile(pattern) for pattern in patterns),
            headers=access.fixed_headers(source),
            tls=access.tls(source) if parsed.scheme == "https" else None,
        )

    def url(self, path: str) -> str:
        """The full URL of one of the paths."""
        return str(self.address).rstrip("/") + path

    def check(self, method: str, url: httpx.URL) -> None:
        """Let a request pass, or raise QueryRefusedError."""
        prefix = self.address.raw_path.rstrip(b"/").decode("ascii")
        path = url.raw_path.partition(b"?")[0].decode("ascii")
        allowed = (
            method == "GET"
            and _origin(url) == _origin(self.address)
            and not url.userinfo
            and path.startswith(prefix)
            and self._has(path[len(prefix) :])
        )
        if not allowed:
            raise QueryRefusedError(self.source, f"{method} {url.host}{path} is not among the requests it may be sent")

    def _has(self, path: str) -> bool:
        return path in self.paths or any(pattern.fullmatch(path) for pattern in self.patterns)


class PolicyTransport(httpx.AsyncBaseTransport):
    """The policy, for httpx. Answers come back whole, decompressed and never a redirect; else a SourceError.

    Args:
        policy: what may be asked.
        inner: how it is asked; the network by default.
    """

    def __init__(self, policy: Policy, inner: httpx.AsyncBaseTransport | None = None) -> None:
        self.policy = policy
        self._inner = inner or _network(policy)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Ask.

        Raises:
            QueryRefusedError: the policy forbids the request, or its answer is too large.
            SourceUnavailableError: no full answer within the deadline, or none that can be read.
        """
        source = self.policy.source
        self.policy.check(request.method, request.url)
        try:
            async with asyncio.timeout(self.policy.deadline):
                return await self._ask(request)
        except TimeoutError as error:
            sentence = (
                f"gave no full answer within {self.policy.deadline:g} s; it is slow, or the query is too heavy: "
                "ask for less, or raise its timeout_seconds"
            )
            raise SourceUnavailableError(source, sentence) from error
        except (httpx.TransportError, OSError) as error:  # httpx lets an SSLError pass
            raise SourceUnavailableError(source, self._what_failed(error)) from error

    def _what_failed(self, error: httpx.TransportError | OSError) -> str:
        """In a sentence, with what to check."""
        address = self.policy.address
        if sentence := tls_sentence(error, address):
            return sentence
        if isinstance(error, httpx.ConnectError):
            why = re.sub(r"^\[Errno -?\d+\] ", "", str(error))
            return f"cannot be reached at {address}: {why}; check that it runs and its url is right"
        why = str(error).rstrip(". ") or "the connection was lost"
        if self.policy.tls is not None:  # a server that refuses a certificate may hang up before it is heard saying so
            return f"broke off its answer ({why}); it may be restarting, or refuse us: check cert_file and key_file"
        return f"broke off its answer ({why}); it may be restarting, or its url may not be that of an HTTP server"

    async def _ask(self, request: httpx.Request) -> httpx.Response:
        headers = dict(self.policy.headers)
        headers |= {"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": "sre-bot"}
        if self.policy.authorization:
            headers["Authorization"] = self.policy.authorization
        response = await self._inner.handle_async_request(httpx.Request("GET", request.url, headers=headers))
        try:
            if 300 <= response.status_code < 400:  # noqa: PLR2004 - the statuses of redirection
                target = response.headers.get("location", "elsewhere")[:200]
                sentence = f"redirects to {target}, which is not followed; set its url to where it really is"
                raise SourceUnavailableError(self.policy.source, sentence)
            body = await self._read(response)
        finally:
            await response.aclose()
        kept = {"Content-Type": response.headers.get("content-type", "")}
        return httpx.Response(response.status_code, headers=kept, content=body)

    async def _read(self, response: httpx.Response) -> bytes:
        body = _Body(self.policy, response.headers.get("content-encoding", "identity"))
        assert isinstance(response.stream, httpx.AsyncByteStream)  # noqa: S101 - an asynchronous transport's is
        async for chunk in response.stream:
            body.add(chunk)
        return body.whole()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


class PolicyAdapter(BaseAdapter):
    """The policy, for requests: a worker thread asks through the transport of the event loop.

    ``requests`` can only bound single reads of a socket; the loop can end the whole exchange at its deadline.
    """

    def __init__(self, transport: PolicyTransport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop

    def send(self, request: requests.PreparedRequest, *_args: object, **_options: object) -> requests.Response:
        """Ask; timeouts, proxies and certificates of the caller do not count, the policy does. Raises SourceError."""
        policy = self._transport.policy
        try:
            asked = httpx.Request(request.method or "", request.url or "")
        except httpx.InvalidURL as error:
            raise QueryRefusedError(policy.source, f"the query does not fit into a URL: {error}") from error
        future = asyncio.run_coroutine_threadsafe(self._transport.handle_async_request(asked), self._loop)
        try:
            answer = future.result(policy.deadline + _GRACE)
        except TimeoutError:
            future.cancel()
            raise SourceUnavailableError(policy.source, "was not asked in time: this program is overloaded") from None
        response = requests.Response()
        response.status_code = answer.status_code
        response.headers.update(answer.headers)
        response.raw = io.BytesIO(answer.content)
        response.url = request.url or ""
        response.request = request
        return response

    def close(self) -> None:
        """Nothing to close: the connections belong to the transport."""


class _Body:
    """A body as it comes in, decompressed no further than the limit."""

    def __init__(self, policy: Policy, encoding: str) -> None:
        self._policy = policy
        self._parts: list[bytes] = []
        self._size = 0
        self._gzip = zlib.decompressobj(wbits=31) if encoding == "gzip" else None
        if encoding not in {"identity", "gzip", ""}:
            raise SourceUnavailableError(policy.source, f"answered in {encoding[:50]}, which was not asked for")

    def add(self, chunk: bytes) -> None:
        """Take in what the network gave."""
        room = self._policy.max_bytes - self._size
        try:
            data = self._gzip.decompress(chunk, room + 1) if self._gzip else chunk
        except zlib.error as error:
            sentence = f"sent gzip that is broken ({error}); is there a proxy before it?"
            raise SourceUnavailableError(self._policy.source, sentence) from error
        if len(data) > room:
            limit = f"{self._policy.max_bytes // 1024:,} KiB"
            raise QueryRefusedError(self._policy.source, f"the answer is larger than {limit}; ask for less")
        self._size += len(data)
        self._parts.append(data)

    def whole(self) -> bytes:
        """All of it."""
        if self._gzip and self._size and not self._gzip.eof:
            raise SourceUnavailableError(self._policy.source, "sent gzip that ends in the middle")
        return b"".join(self._parts)


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port or _PORTS.get(url.scheme)


def _network(policy: Policy) -> httpx.AsyncHTTPTransport:
    """The network; at a plain http address nobody is trusted, and no certificates are read."""
    tls = policy.tls or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    limits = httpx.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS)
    return httpx.AsyncHTTPTransport(verify=tls, trust_env=False, limits=limits)
