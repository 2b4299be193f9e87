"""Several Alertmanagers, or records of alerts, as one: nothing twice, silences hold, what is missing is said."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from sre_bot.errors import SourceUnavailableError
from sre_bot.incident import Alert, AlertState, TimeWindow
from sre_bot.investigation import Listing, MissingSource, missing_of
from sre_bot.tools.replicas import Alertmanagers, AlertRecords, episodes_once, united
from tests.fakes import FakeAlertHistory, FakeCurrentAlerts, down

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sre_bot.tools.alerts import AlertHistory, CurrentAlerts

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
WINDOW = TimeWindow.before(AT, timedelta(hours=6))


def alert(name: str, began: float, ended: float | None = None, *, state: AlertState = AlertState.FIRING) -> Alert:
    """An alert that began, and perhaps ended, so many minutes ago."""
    end = None if ended is None else AT - timedelta(minutes=ended)
    over = AlertState.RESOLVED if ended is not None else state
    return Alert(name, {"alertname": name}, {"summary": f"{name}!"}, AT - timedelta(minutes=began), end, over)


class Slow(FakeCurrentAlerts):
    """Answers when it is let."""

    def __init__(self, name: str, alerts: Sequence[Alert] = ()) -> None:
        super().__init__(name, alerts)
        self.let = asyncio.Event()
        self.given_up = False

    async def current(self) -> Sequence[Alert]:
        try:
            await self.let.wait()
        except asyncio.CancelledError:
            self.given_up = True
            raise
        return await super().current()


class TestAlertmanagers:
    async def test_what_replicas_hold_is_told_once_latest_first(self) -> None:
        a = FakeCurrentAlerts("am-a", [alert("Down", 9), alert("Slow", 5)])
        b = FakeCurrentAlerts("am-b", [alert("Slow", 5), alert("Down", 9), alert("Odd", 20)])
        both: CurrentAlerts = Alertmanagers([a, b])
        assert list(await both.current()) == [alert("Slow", 5), alert("Down", 9), alert("Odd", 20)]
        assert both.name == "am-a, am-b"
        assert both.alerts_url() == "http://am-a.example/#/alerts"

    async def test_a_silence_that_one_has_not_heard_of_holds_and_is_told(self) -> None:
        quiet = alert("Down", 9, state=AlertState.SILENCED)
        both = Alertmanagers(
            [FakeCurrentAlerts("am-a", [alert("Down", 9), alert("Slow", 1)]), FakeCurrentAlerts("am-b", [quiet])]
        )
        held = await both.current()
        assert [one.state for one in held] == [AlertState.FIRING, AlertState.SILENCED]
        assert held.missing == (
            MissingSource("am-a", "has not heard of silences that am-b has (of 1 alerts): it may still notify"),
        )

    async def test_one_that_is_down_is_said_and_the_other_tells(self) -> None:
        both = Alertmanagers(
            [FakeCurrentAlerts("am-a", failure=down("am-a")), FakeCurrentAlerts("am-b", [alert("A", 1)])]
        )
        held = await both.current()
        assert [one.name for one in held] == ["A"]
        assert held.missing == (MissingSource("am-a", "connection refused"),)

    async def test_when_all_are_down_it_is_an_error_that_names_them(self) -> None:
        both = Alertmanagers([FakeCurrentAlerts(name, failure=down(name)) for name in ("am-a", "am-b")])
        with pytest.raises(SourceUnavailableError, match="am-a, am-b: connection refused"):
            await both.current()

    async def test_one_alone_fails_as_by_itself(self) -> None:
        failure = down("am-a")
        with pytest.raises(SourceUnavailableError) as caught:
            await Alertmanagers([FakeCurrentAlerts("am-a", failure=failure)]).current()
        assert caught.value is failure

    async def test_in_a_hurry_one_that_is_slow_is_left_behind_when_another_has_told(self) -> None:
        slow = Slow("am-a")
        async with asyncio.timeout(60):
            held = await Alertmanagers([slow, FakeCurrentAlerts("am-b", [alert("A", 1)])], patience=0.01).current()
        assert [one.name for one in held] == ["A"]
        assert held.missing == (MissingSource("am-a", "has not answered within 0.01 s, as another has"),)
        assert slow.given_up

    async def test_even_in_a_hurry_somebody_is_waited_for(self) -> None:
        slow = Slow("am-a", [alert("A", 1)])
        both = Alertmanagers([slow, FakeCurrentAlerts("am-b", failure=down("am-b"))], patience=0.01)
        asyncio.get_running_loop().call_later(0.05, slow.let.set)
        async with asyncio.timeout(60):
            assert [one.name for one in await both.current()] == ["A"]

    async def test_without_hurry_all_have_their_time(self) -> None:
        slow = Slow("am-a", [alert("A", 1)])
        asyncio.get_running_loop().call_later(0.05, slow.let.set)
        held = await Alertmanagers([slow, FakeCurrentAlerts("am-b", [alert("B", 2)])]).current()
        assert [one.name for one in held] == ["A", "B"]

    async def test_who_gives_up_leaves_nothing_running(self) -> None:
        slow = Slow("am-a")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await Alertmanagers([slow]).current()
        assert slow.given_up


def test_the_earliest_start_is_the_true_one_and_labels_tell_alerts_apart() -> None:
    eu = replace(alert("Down", 9), labels={"alertname": "Down", "environment": "staging"})
    found, missing = united([("a", [alert("Down", 4), eu]), ("b", [alert("Down", 9)])])
    assert [one.started_at for one in found] == [AT - timedelta(minutes=9)] * 2
    assert not missing


class TestRecords:
    async def test_episodes_of_replicas_are_told_once_and_what_is_missing_is_said(self) -> None:
        a = FakeAlertHistory("eu-a", [alert("Down", 90, 80), alert("Slow", 5)])
        b = FakeAlertHistory("eu-b", [alert("Down", 89.5, 79.5), alert("Odd", 30, 20)])
        record: AlertHistory = AlertRecords([a, b, FakeAlertHistory("eu-c", failure=down("eu-c"))])
        told = await record.history(WINDOW)
        assert record.name == "eu-a, eu-b, eu-c"
        assert list(told) == [alert("Slow", 5), alert("Odd", 30, 20), alert("Down", 90, 80)]
        assert missing_of(told) == (MissingSource("eu-c", "connection refused"),)

    async def test_what_a_record_itself_misses_is_passed_on(self) -> None:
        class Partial(FakeAlertHistory):
            async def history(self, window: TimeWindow) -> Sequence[Alert]:
                return Listing((), (MissingSource(self.name, "the answer may be partial: store down"),))

        told = await AlertRecords([Partial("thanos")]).history(WINDOW)
        assert [str(one.why) for one in told.missing] == ["the answer may be partial: store down"]

    def test_what_goes_on_by_one_goes_on(self) -> None:
        assert episodes_once([[alert("Down", 90, 80)], [alert("Down", 85)]]) == [alert("Down", 90)]
        assert episodes_once([[alert("Down", 85)], [alert("Down", 90, 80)]]) == [alert("Down", 85)]

    def test_episodes_one_after_the_other_are_two_and_so_are_those_of_one_record(self) -> None:
        apart = [alert("Down", 10, 5), alert("Down", 30, 20)]
        assert episodes_once([[apart[0]], [apart[1]]]) == apart
        touching = [alert("Down", 20, 10), alert("Down", 30, 20)]
        assert episodes_once([touching]) == touching


def test_a_listing_is_a_sequence_of_its_items() -> None:
    listing = Listing((1, 2, 3), (MissingSource("a", "down"),))
    assert (listing[0], listing[1:], len(listing), list(listing)) == (1, (2, 3), 3, [1, 2, 3])
    assert missing_of([1]) == ()
