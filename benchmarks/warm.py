"""A warm server: ``serve`` between a simulated Slack, the incident and the model, asked again and again.

What it waits for is told apart: a source, the model, and Slack where it posts or reads. Edits of the status message run
beside the work, and Slack is not what is waited for while they do.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.question import QUESTION, model
from benchmarks.relay import Relay, seconds_covered
from benchmarks.watched import cpu_seconds, memory
from sre_bot.drills.slack_simulator import SlackSimulator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from sre_bot.drills.slack_simulator import Channel, Message

_WITHIN = 60.0
_PICTURE_WITHIN = 5.0

Spans = list[tuple[float, float]]
"""Since when and until when, in seconds of ``time.perf_counter``."""


@dataclass(frozen=True, slots=True)
class Mentioned:
    """Seconds from a mention to the first evidence in the thread and to the answer.

    ``..._ours`` are those of them in which neither a source nor the model was asked anything, nor Slack for anything
    that is waited for; ``posting`` are those in which only Slack was.
    """

    evidence: float
    evidence_ours: float
    answer: float
    answer_ours: float
    posting: float
    cpu: float


@dataclass(frozen=True, slots=True)
class Warm:
    """Several mentions of one server, and the most memory it had, in MB."""

    mentions: tuple[Mentioned, ...]
    peak: float


async def measure(program: Path, prometheus: str, folder: Path, runs: int) -> Warm:
    """Start the server, mention it once to warm it, then ``runs`` times, and stop it."""
    async with (
        SlackSimulator() as slack,
        model() as asked,
        Relay(prometheus) as source,
        Relay(slack.api_url.rstrip("/"), beside=("chat.update",)) as api,
    ):
        environment = {
            "PATH": os.environ["PATH"],
            "SLACK_BOT_TOKEN": slack.bot_token,
            "SLACK_APP_TOKEN": slack.app_token,
            "SLACK_API_URL": f"{api.url}/",
            "SRE_BOT_STATE_DIR": str(folder / "state"),
            "SRE_BOT_HTTP_PORT": "0",
            "PROMETHEUS_URL": source.url,
            "ANTHROPIC_BASE_URL": asked.relay.url,
        }
        async with serving(program, environment, folder) as process:
            await slack.wait_for(lambda: slack.connection_count, within=_WITHIN)
            taken = []
            for number in range(runs + 1):
                busy = {"source": source.busy, "asked": asked.relay.busy, "posting": api.busy}
                for spans in busy.values():
                    spans.clear()
                # One channel each: in the same one, posts of one question would wait for those of the one before.
                channel = slack.workspace.channel(f"incidents-{number}")
                taken.append(await _mention(slack, channel, process.pid, **busy))
            return Warm(tuple(taken[1:]), memory(process.pid))


async def _mention(
    slack: SlackSimulator, incidents: Channel, pid: int, *, source: Spans, asked: Spans, posting: Spans
) -> Mentioned:
    ann = slack.workspace.user("ann")
    cpu, started = cpu_seconds(pid), time.perf_counter()
    ts = await slack.post(ann, incidents, f"{slack.workspace.bot.mention} {QUESTION}")

    async def posted(kind: str) -> float:
        await slack.wait_for(lambda: any(_key(one).endswith(kind) for one in slack.thread(incidents, ts)), _WITHIN)
        return time.perf_counter()

    evidence = await posted(":first-look")
    answer = await posted(":answer")
    cpu = cpu_seconds(pid) - cpu
    await slack.wait_for(lambda: any(one.text.startswith("Done") for one in slack.thread(incidents, ts)), _WITHIN)
    with contextlib.suppress(TimeoutError):  # its picture, if there is one, is drawn before the next question
        await slack.wait_for(lambda: any(one.files for one in slack.thread(incidents, ts)), _PICTURE_WITHIN)

    def ours(until: float, *others: Spans) -> float:
        return until - started - seconds_covered((span for spans in others for span in spans), started, until)

    all_others = ours(answer, source, asked, posting)
    return Mentioned(
        evidence=evidence - started,
        evidence_ours=ours(evidence, source, asked, posting),
        answer=answer - started,
        answer_ours=all_others,
        posting=ours(answer, source, asked) - all_others,
        cpu=cpu,
    )


def _key(message: Message) -> str:
    return str((message.metadata or {}).get("event_payload", {}).get("key", ""))


@contextlib.asynccontextmanager
async def serving(
    program: Path, environment: Mapping[str, str], folder: Path
) -> AsyncIterator[asyncio.subprocess.Process]:
    """The server as a process, until it is told to stop; its log is in ``folder``."""
    with (folder / "serve.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            program, "serve", env=environment, cwd=folder, stdout=log, stderr=log
        )
    try:
        yield process
    except TimeoutError as error:
        error.add_note((folder / "serve.log").read_text()[-2_000:])
        raise
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.wait()
