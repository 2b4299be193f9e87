"""The slash command ``/sre``: answered at once, without a model, and seen by nobody but who asked."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sre_bot.alerts.summary import USAGE, AlertQuestion, summarise
from sre_bot.alerts.wording import alert_summary
from sre_bot.errors import BadInputError, SourceError
from sre_bot.first_look.naming import Naming
from sre_bot.incident import TimeWindow
from sre_bot.investigation import MissingSource, missing_of
from sre_bot.render.safe import slack_safe
from sre_bot.slack.home import status_text
from sre_bot.slack.times import localised

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Sequence
    from datetime import datetime

    from sre_bot.incident import Alert
    from sre_bot.slack.standing import Standing, Viewer
    from sre_bot.tools.alerts import AlertHistory, CurrentAlerts

COMMAND = "/sre"
ANSWER_SECONDS = 2.0
"""Slack waits three seconds for a command's answer."""
HELP = f"""*{COMMAND} {USAGE}* – what fires by severity and since when, and what fired most
*{COMMAND} status* – what I look into, how my sources do, what I have used today
*{COMMAND} help* – this
Mention me in a channel, or write to me directly, to have something looked into. In that thread ask on, or correct me, \
without a mention; `quiet` ends that. Commands do not work in threads: there, use “Ask sre-bot about this message”."""
SHORT_USAGE = f"Usage: `{COMMAND} {USAGE}`, `{COMMAND} status` or `{COMMAND} help`"


@dataclass(frozen=True, slots=True)
class Reply:
    """What whoever gave a command sees; ``shareable`` where others may want to see it, too."""

    text: str
    shareable: bool = False


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
        standing: tells how things stand.
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
        standing: Standing | None = None,
    ) -> None:
        self._current = current
        self._history = history
        self._hosts = allowed_hosts
        self._redact = redact
        self._now = now
        self._naming = naming or Naming({})
        self._services = services
        self._standing = standing

    async def answer(self, text: str, viewer: Viewer) -> Reply:
        """The answer to the words behind the command, as mrkdwn; within about two seconds."""
        verb, *words = text.split() or ["help"]
        match verb.lower(), words:
            case "help", _:
                return Reply(HELP)
            case "status", [] if self._standing is not None:
                return Reply(self._redact(status_text(await self._standing.snapshot(viewer))))
            case (("alerts" | "alert"), _):
                return await self._alerts(words)
        said = f"I do not know “{verb}”." if verb.lower() != "status" else "`status` takes no further words."
        return Reply(slack_safe(said, self._hosts) + f"\n{SHORT_USAGE}")

    async def _alerts(self, words: Sequence[str]) -> Reply:
        try:
            question = AlertQuestion.read(words)
        except BadInputError as error:
            return Reply(slack_safe(str(error), self._hosts) + f"\n{SHORT_USAGE}")
        summary = slack_safe(self._redact(await self._summary(question)), self._hosts)
        return Reply(localised(summary, self._now()), shareable=True)

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
