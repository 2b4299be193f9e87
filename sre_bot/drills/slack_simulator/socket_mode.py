"""Socket Mode: connections, envelopes, acknowledgements, and delivery until acknowledged."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
import uuid
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from aiohttp import WSCloseCode, WSMsgType, web

from sre_bot.drills.slack_simulator.request_url import RequestUrl

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sre_bot.drills.slack_simulator.wire import Json

DisconnectReason = Literal["warning", "refresh_requested", "link_disabled", "too_many_websockets"]
RequestType = Literal["slash_commands", "interactive"]

_SECONDS_TO_CLOSE = 1.0  # granted to an app that does not answer a close frame


@dataclass(frozen=True, slots=True)
class RetrySchedule:
    """How long an acknowledgement is awaited, and how long before each retry after that; seconds, Slack's own."""

    ack_within: float = 3.0
    delays: tuple[float, ...] = (0.0, 60.0, 300.0)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened and that the app is told of, however often; ``payload`` is its event_callback.

    ``at`` is when, in seconds of ``time.perf_counter``.
    """

    event_id: str
    payload: Json
    at: float = field(default_factory=time.perf_counter, compare=False)

    @property
    def type(self) -> str:
        """E.g. ``app_mention``."""
        return str(self.payload["event"]["type"])


@dataclass(frozen=True, slots=True)
class Envelope:
    """One delivery over one connection."""

    envelope_id: str
    type: str
    payload: Json
    connection: int
    retry_attempt: int = 0

    def frame(self) -> str:
        """As it goes over the wire."""
        is_event = self.type == "events_api"
        frame: Json = {"envelope_id": self.envelope_id, "type": self.type, "payload": self.payload}
        frame["accepts_response_payload"] = not is_event
        if is_event:
            frame["retry_attempt"] = self.retry_attempt
            frame["retry_reason"] = "timeout" if self.retry_attempt else ""
        return json.dumps(frame)


@dataclass(frozen=True, slots=True)
class Ack:
    """The app's answer to an envelope, with the payload it sent along, if any; ``at`` as of an event."""

    envelope_id: str
    connection: int
    payload: Json | None = None
    at: float = field(default_factory=time.perf_counter, compare=False)


class _Connection:
    """One WebSocket of the app, and the envelopes on it that wait for an answer."""

    def __init__(self, number: int, request: web.Request) -> None:
        self.number = number
        self.socket = web.WebSocketResponse(timeout=_SECONDS_TO_CLOSE)
        self._request = request
        self._awaited: dict[str, asyncio.Future[Ack | None]] = {}

    async def exchange(self, envelope: Envelope, within: float) -> Ack:
        """Send and await the answer. Raises TimeoutError without one, ConnectionError when the connection goes."""
        answer: asyncio.Future[Ack | None] = asyncio.get_running_loop().create_future()
        self._awaited[envelope.envelope_id] = answer
        try:
            await self.socket.send_str(envelope.frame())
            async with asyncio.timeout(within):
                ack = await answer
        finally:
            del self._awaited[envelope.envelope_id]
        if ack is None:
            raise ConnectionResetError("the connection went away before the acknowledgement")
        return ack

    def settle(self, ack: Ack) -> None:
        answer = self._awaited.get(ack.envelope_id)
        if answer is not None and not answer.done():
            answer.set_result(ack)

    def gone(self) -> None:
        for answer in self._awaited.values():
            if not answer.done():
                answer.set_result(None)

    def cut(self) -> None:
        if self._request.transport is not None:
            self._request.transport.abort()


class SocketMode:
    """Delivers each event to one of the live connections until it is acknowledged or the retries are used up.

    An event waits while there is no connection; it then arrives as a retry, as does one whose connection was lost.
    """

    def __init__(self, app_id: str, schedule: RetrySchedule, changed: Callable[[], Awaitable[None]]) -> None:
        self.events: list[Event] = []
        self.envelopes: list[Envelope] = []
        self.acks: list[Ack] = []
        self.request_url: RequestUrl | None = None
        self._app_id = app_id
        self._schedule = schedule
        self._changed = changed
        self._tickets: set[str] = set()
        self._connections: deque[_Connection] = deque()
        self._connected = asyncio.Event()
        self._connections_ever = 0
        self._event_of: dict[str, str] = {}
        self._acknowledged: set[str] = set()
        self._deliveries: dict[asyncio.Task[None], Event] = {}
        self._interrupted: list[Event] = []

    @property
    def connection_count(self) -> int:
        """How many connections are live."""
        return len(self._connections)

    def acknowledged_after(self, event: Event) -> float | None:
        """Seconds from an event to its first acknowledgement; None while there is none."""
        mine = (ack.at for ack in self.acks if self._event_of.get(ack.envelope_id) == event.event_id)
        first = next(mine, None)
        return None if first is None else first - event.at

    def is_acknowledged(self, event: Event) -> bool:
        """Whether any delivery of the event was acknowledged."""
        return event.event_id in self._acknowledged

    def issue_ticket(self) -> str:
        """A ticket that opens one connection, once."""
        ticket = uuid.uuid4().hex
        self._tickets.add(ticket)
        return ticket

    def send(self, event: Event) -> None:
        """Begin to deliver an event; called again, it is delivered again, whether acknowledged or not."""
        repeated = event in self.events
        if not repeated:
            self.events.append(event)
        delivery = asyncio.create_task(
            self._deliver(event, is_retry=repeated or not (self._connections or self.request_url))
        )
        self._deliveries[delivery] = event
        delivery.add_done_callback(self._deliveries.pop)

    async def request(self, kind: RequestType, payload: Json) -> Ack:
        """Deliver a command or a click: once and at once, or never. Raises TimeoutError with Slack's word for it."""
        if not (self._connections or self.request_url):
            raise TimeoutError("dispatch_failed: the app has no connection")
        connection = await self._door()
        try:
            return await self._exchange(connection, Envelope(uuid.uuid4().hex, kind, payload, connection.number))
        except (TimeoutError, ConnectionError):
            raise TimeoutError("operation_timeout: the app did not acknowledge in time") from None

    async def link(self, request: web.Request) -> web.StreamResponse:
        """Serve one WebSocket from hello to its end."""
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            return web.Response(status=401, text="unknown or used ticket")
        self._tickets.remove(ticket)
        self._connections_ever += 1
        connection = _Connection(self._connections_ever, request)
        await connection.socket.prepare(request)
        await connection.socket.send_str(json.dumps(self._hello()))
        self._connections.append(connection)
        self._connected.set()
        await self._changed()
        try:
            async for message in connection.socket:
                if message.type is WSMsgType.TEXT:
                    await self._receive(connection, message.data)
        finally:
            self._forget(connection)
            await self._changed()
        return connection.socket

    async def disconnect(self, reason: DisconnectReason, only: int | None = None) -> None:
        """Tell connections that they are to be replaced; like Slack's, they work on until the app closes them."""
        frame = {"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-sim"}}
        for connection in tuple(self._connections)[:only]:
            with contextlib.suppress(ConnectionError):
                await connection.socket.send_str(json.dumps(frame))

    def cut(self) -> None:
        """Cut every connection without a word."""
        for connection in tuple(self._connections):
            connection.cut()

    def resume(self) -> None:
        """Go on delivering what a `close` interrupted."""
        interrupted, self._interrupted = self._interrupted, []
        for event in interrupted:
            self.send(event)

    async def close(self) -> None:
        """Stop delivering and close every connection."""
        deliveries = dict(self._deliveries)
        self._interrupted += deliveries.values()
        for delivery in deliveries:
            delivery.cancel()
        await asyncio.gather(*deliveries, return_exceptions=True)
        for connection in tuple(self._connections):
            await connection.socket.close(code=WSCloseCode.GOING_AWAY)

    async def _deliver(self, event: Event, *, is_retry: bool) -> None:
        delays = iter(self._schedule.delays)
        attempt = 1 if is_retry else 0
        while True:
            connection = await self._door()
            envelope = Envelope(uuid.uuid4().hex, "events_api", event.payload, connection.number, attempt)
            self._event_of[envelope.envelope_id] = event.event_id
            attempt += 1
            try:
                await self._exchange(connection, envelope)
            except ConnectionError:
                if isinstance(connection, _Connection):
                    self._forget(connection)
            except TimeoutError:
                delay = next(delays, None)
                if delay is None:
                    return
                await asyncio.sleep(delay)
                if self.is_acknowledged(event):
                    return
            else:
                return

    async def _exchange(self, connection: _Connection | RequestUrl, envelope: Envelope) -> Ack:
        self.envelopes.append(envelope)
        await self._changed()
        if isinstance(connection, RequestUrl):
            payload = await connection.exchange(envelope, self._schedule.ack_within)
            ack = Ack(envelope.envelope_id, connection.number, payload)
            await self._acknowledge(ack)
            return ack
        return await connection.exchange(envelope, self._schedule.ack_within)

    async def _receive(self, connection: _Connection, text: str) -> None:
        frame = json.loads(text)
        ack = Ack(frame["envelope_id"], connection.number, frame.get("payload"))
        connection.settle(ack)
        await self._acknowledge(ack)

    async def _acknowledge(self, ack: Ack) -> None:
        self.acks.append(ack)
        if ack.envelope_id in self._event_of:
            self._acknowledged.add(self._event_of[ack.envelope_id])
        await self._changed()

    async def _door(self) -> _Connection | RequestUrl:
        """The app's address for requests, if it has one; else a connection, as soon as there is any."""
        if self.request_url is not None:
            return self.request_url
        while not self._connections:
            await self._connected.wait()
        return self._next_connection()

    def _next_connection(self) -> _Connection:
        self._connections.rotate(-1)
        return self._connections[-1]

    def _forget(self, connection: _Connection) -> None:
        if connection in self._connections:
            self._connections.remove(connection)
        if not self._connections:
            self._connected.clear()
        connection.gone()

    def _hello(self) -> Json:
        return {
            "type": "hello",
            "num_connections": len(self._connections) + 1,
            "debug_info": {"host": "applink-sim", "build_number": 1, "approximate_connection_time": 18060},
            "connection_info": {"app_id": self._app_id},
        }
