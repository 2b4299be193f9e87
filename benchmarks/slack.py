"""How soon ``serve`` takes and shows what it is asked under load, and whether it ever answers twice.

``.venv/bin/python -m benchmarks.slack`` starts Prometheus with an incident, a stand-in for the model that answers at
once and a Slack simulator, all on this machine, and ``serve`` as a process between them. First it is mentioned at a
steady rate in several channels, then in one; at last each mention is delivered many times over, as by retries and two
connections, which are also cut on the way. Exits with 1 when anything was answered twice or not at all.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from typing import TYPE_CHECKING

from benchmarks.question import QUESTION, incident, model
from benchmarks.warm import serving
from sre_bot.drills.slack_simulator import SlackSimulator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from sre_bot.drills.slack_simulator import Channel, Message

PROGRAM = Path(sys.executable).with_name("sre-bot")
WITHIN = 600.0
KINDS = ("status", "first-look", "answer")


@dataclass(frozen=True, slots=True)
class Load:
    """Mentions of one run: where each stands, and seconds to the acknowledgement and to what is seen."""

    channels: int
    mentions: int
    acknowledged: Sequence[float]
    status: Sequence[float]
    first_look: Sequence[float]
    answer: Sequence[float]
    edits: int


@contextlib.asynccontextmanager
async def served(prometheus: str, folder: Path, model_url: str | None) -> AsyncIterator[SlackSimulator]:
    """The server, up and connected to its Slack."""
    async with SlackSimulator() as slack:
        environment = {
            "PATH": os.environ["PATH"],
            "SLACK_BOT_TOKEN": slack.bot_token,
            "SLACK_APP_TOKEN": slack.app_token,
            "SLACK_API_URL": slack.api_url,
            "SRE_BOT_STATE_DIR": str(folder / "state"),
            "SRE_BOT_HTTP_PORT": "0",
            "PROMETHEUS_URL": prometheus,
            **({"ANTHROPIC_BASE_URL": model_url} if model_url else {}),
        }
        async with serving(PROGRAM, environment, folder):
            await slack.wait_for(lambda: slack.connection_count == 2, within=WITHIN)  # noqa: PLR2004 - its sockets
            await mention(slack, slack.workspace.channel("warm-up"))
            await slack.wait_for(lambda: ended(slack) == 1, within=WITHIN)
            yield slack


async def mention(slack: SlackSimulator, channel: Channel) -> str:
    """Somebody asks in a channel."""
    return await slack.post(slack.workspace.user("ann"), channel, f"{slack.workspace.bot.mention} {QUESTION}")


def kind(message: Message) -> str:
    """What a message of ours is, by the key it was posted under."""
    return str((message.metadata or {}).get("event_payload", {}).get("key", "")).rpartition(":")[2]


def ours(slack: SlackSimulator) -> list[Message]:
    """All messages of the bot."""
    return [one for one in slack.workspace.messages.values() if one.by_bot]


def ended(slack: SlackSimulator) -> int:
    """How many investigations have said their last word."""
    return sum(kind(one) == "status" and one.text.startswith("Done") for one in ours(slack))


async def under_load(slack: SlackSimulator, channels: int, mentions: int, seconds: float) -> Load:
    """Mention it ``mentions`` times within ``seconds``, and wait for all that follows."""
    before, edited = ended(slack), edits(slack)
    loop = asyncio.get_running_loop()
    started, asked = loop.time(), dict[str, str]()
    for number in range(mentions):
        await asyncio.sleep(started + number * seconds / mentions - loop.time())
        channel = slack.workspace.channel(f"of-{channels}-{number % channels}")
        asked[await mention(slack, channel)] = channel.id
    await slack.wait_for(lambda: ended(slack) == before + mentions, within=WITHIN)
    seen = {(one.thread_ts, kind(one)): float(one.ts) for one in ours(slack)}
    shown = {what: [seen[ts, what] - float(ts) for ts in asked if (ts, what) in seen] for what in KINDS}
    events = [one for one in slack.events if one.payload["event"]["ts"] in asked]
    acknowledged = [after for one in events if (after := slack.acknowledged_after(one)) is not None]
    made = edits(slack) - edited
    return Load(channels, mentions, acknowledged, shown["status"], shown["first-look"], shown["answer"], made)


def edits(slack: SlackSimulator) -> int:
    """How often a message was edited."""
    return sum(call.method == "chat.update" for call in slack.calls)


async def delivered_again(slack: SlackSimulator, mentions: int, deliveries: int) -> tuple[int, int, int, int]:
    """Have mentions delivered ``deliveries`` times in all; the deliveries, and mentions with 0, 1 and more answers."""
    before, known = ended(slack), len(slack.envelopes)
    asked = [await mention(slack, slack.workspace.channel(f"again-{number % 10}")) for number in range(mentions)]
    events = [one for one in slack.events if one.payload["event"]["ts"] in asked]
    rounds = deliveries // len(events) - 1
    for number in range(rounds):
        for event in events:
            slack.redeliver(event)
        if number == rounds // 2:
            slack.cut_connections()
        await slack.wait_for(lambda: all(map(slack.is_acknowledged, events)), within=WITHIN)
    await slack.wait_for(lambda: ended(slack) >= before + mentions, within=WITHIN)
    made = Counter((one.thread_ts, kind(one)) for one in ours(slack))
    most = [max(made[ts, "answer"], made[ts, "status"]) if made[ts, "answer"] else 0 for ts in asked]
    return len(slack.envelopes) - known, most.count(0), most.count(1), sum(count > 1 for count in most)


def tell(load: Load, seconds: float) -> None:
    """Print what a run under load took."""
    print(f"{load.mentions} mentions in {seconds:g} s over {load.channels} channel(s), {os.cpu_count()} cores")
    rows = {
        "durable acknowledgement": load.acknowledged,
        "first status": load.status,
        "first look": load.first_look,
        "answer": load.answer,
    }
    for name, taken in rows.items():
        cut = quantiles(taken, n=100, method="inclusive")
        print(f"  {name:<24} p50 {cut[49]:7.3f} s   p99 {cut[98]:7.3f} s   ({len(taken)})")
    print(f"  edits an answer          {load.edits / load.mentions:.2f}", flush=True)


async def measure(options: argparse.Namespace, folder: Path) -> int:
    """Run all three; the exit code."""
    for part in ("prometheus", "loaded", "again"):
        (folder / part).mkdir()
    async with incident(folder / "prometheus") as prometheus, model() as asked:
        async with served(prometheus.url, folder / "loaded", asked.relay.url) as slack:
            for channels in (options.channels, 1):
                load = await under_load(slack, channels, options.mentions, options.seconds)
                tell(load, options.seconds)
        async with served(prometheus.url, folder / "again", None) as slack:
            again = await delivered_again(slack, options.deliveries // 10, options.deliveries)
    deliveries, none, once, twice = again
    print(
        f"{deliveries} deliveries of {none + once + twice} mentions: {once} answered once, {twice} twice, {none} never"
    )
    return 1 if none or twice else 0


def main() -> int:
    """Read the options and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mentions", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--channels", type=int, default=5)
    parser.add_argument("--deliveries", type=int, default=1000)
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(measure(parser.parse_args(), Path(folder)))


if __name__ == "__main__":
    sys.exit(main())
