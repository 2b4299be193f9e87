"""The slash command ``/sre``: answered at once, without a model, and seen by nobody but who asked."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from sre_bot.alerts.summary import USAGE, AlertQuestion, summarise
from sre_bot.alerts.wording import alert_summary
from sre_bot.errors import BadInputError, SourceError
from sre_bot.first_look.naming import Naming
from sre_bot.incident import TimeWindow
from sre_bot.investigation import MissingSource, missing_of
from sre_bot.render.safe import slack_safe
from sre_bot.slack.times import localised

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Sequence
    from datetime import datetime

    from sre_bot.incident import Alert
    from sre_bot.tools.alerts import AlertHistory, CurrentAlerts

COMMAND = "/sre"
ANSWER_SECONDS = 2.0
"""Slack waits three seconds for a command's answer."""
HELP = f"""*{COMMAND} {USAGE}* – what fires by severity and since when, and what fired most
*{COMMAND} help* – this
Mention me in a channel, or write to me directly, to have something looked into. In that thread ask on, or correct me, \
without a mention; `quiet` ends that."""


class Commands:
    """Answers ``/sre …``.

    Args:
        current: the Alertmanager, if there is one.
        history: what remembers earlier alerts, if anything does.
        allowed_hosts: hosts that links may lead to.
        redact: takes secrets out of what sources say.
        now: tells the present.
        naming: what services are called, in alerts and in questions.
        services: those that are known, whether or not an alert names them.
    """

    def __init__(
        self,
        current: CurrentAlerts | None,
        history: AlertHistory | None,
        *,
        allowed_hosts: Collection[str],
        redact: Callable[[str], str],
        now: Callable[[], datetime],
        naming: Naming | None = None,
        services: Collection[str] = (),
    ) -> None:
        self._current = current
        self._history = history
        self._hosts = allowed_hosts
        self._redact = redact
        self._now = now
        self._naming = naming or Naming({})
        self._services = services

    async def answer(self, text: str) -> str:
        """The answer to the words behind the command, as mrkdwn; within about two seconds."""
        verb, *words = text.split() or ["help"]
        if verb.lower() == "help":
            return HELP
        if verb.lower() not in {"alerts", "alert"}:
            return slack_safe(f"I do not know “{verb}”.", self._hosts) + f"\n{HELP}"
        try:
            question = AlertQuestion.read(words)
        except BadInputError as error:
            return slack_safe(str(error), self._hosts)
        return localised(slack_safe(self._redact(await self._summary(question)), self._hosts), self._now())

    async def _summary(self, question: AlertQuestion) -> str:
        window = TimeWindow.before(self._now(), question.last)
        missing: list[MissingSource] = []
        current, past = await asyncio.gather(
            self._ask("alertmanager", self._current.current() if self._current else None, missing),
            self._ask("prometheus", self._history.history(window) if self._history else None, missing),
        )
        if question.service is not None:
            question = replace(question, service=self._naming.service(question.service))
        held, remembered = (tuple(map(self._naming.alert, alerts)) for alerts in (current, past))
        return alert_summary(summarise(question, window, held, remembered, missing, services=self._services))

    async def _ask(
        self, source: str, answer: Awaitable[Sequence[Alert]] | None, missing: list[MissingSource]
    ) -> Sequence[Alert]:
        """The alerts, or none and a note of why."""
        if answer is None:
            missing.append(MissingSource(source, "not configured"))
            return ()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                found = await answer
                missing.extend(missing_of(found))
                return found
        except SourceError as error:
            missing.append(MissingSource(error.source, error.message))
        except TimeoutError:
            missing.append(MissingSource(source, f"no answer within {ANSWER_SECONDS:g} s"))
        return ()
