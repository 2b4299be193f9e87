"""``sre-bot demo``: break the shop for real, ask in the simulated Slack, and watch the ordinary bot answer.

The bot is a ``sre-bot serve`` process like any other: it gets a configuration file and an environment, and knows
nothing of the demo.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import yaml
from rich.console import Console
from rich.text import Text

from sre_bot.drills.faults import EventKind, Fault, fault_named, faults, run_scenario
from sre_bot.drills.shop import Shop, open_shop
from sre_bot.drills.slack_simulator import SlackSimulator
from sre_bot.errors import DrillError
from sre_bot.render.finding import finding_of
from sre_bot.render.page import PageMessage, PagePicture, page
from sre_bot.store.database import open_database
from sre_bot.store.investigations import Investigations

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable

    from sre_bot.drills.slack_simulator import Channel, Message
    from sre_bot.investigation import Answer

QUESTION = "checkout is failing, what's going on?"
CONFIG = "sre-bot.yaml"
CODE_HOST = "https://git.larder.example/shop"
"""Where the drill's repository pretends to be browsed; its alerts' runbook links lead there as well."""
CONNECTS_WITHIN = 30.0
ANSWERS_WITHIN = 300.0
PICTURED_WITHIN = 30.0
STOPS_WITHIN = 15.0
_LOG_TAIL = 3_000
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "PYTHONPATH", "SSL_CERT_FILE")
_MODEL = ("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "SRE_BOT_MODEL")
"""Of our environment the bot gets these, so that with a key it asks Claude."""


def list_faults() -> int:
    """Print the faults; returns the exit status."""
    console = Console(highlight=False, soft_wrap=True)
    for fault in faults():
        cause = "a change" if fault.caused_by_change else "no change"
        console.print(f"{fault.name:<20} {fault.description} (cause: {cause})", markup=False)
    return 0


async def demo(name: str | None, *, page_path: Path | None, keep: bool) -> int:
    """Run the demo; returns the exit status.

    Args:
        name: which fault, by default the first.
        page_path: where the HTML page of the thread goes, by default ``demo-FAULT.html``.
        keep: whether to leave everything running until interrupted, to look around.

    Raises:
        BadInputError: there is no such fault.
        ConfigurationError: a server is not installed.
        DrillError: a part of the drill broke, or the bot did not answer.
    """
    fault = fault_named(name) if name else faults()[0]
    show = _Progress()
    with tempfile.TemporaryDirectory(prefix="sre-bot-demo-") as temporary:
        folder = Path(temporary)
        show(f"fault: {fault.name} – opening the shop: four services, their customers, Prometheus, Alertmanager")
        async with SlackSimulator() as slack, open_shop(folder / "shop") as shop, _serving(folder, slack, shop) as bot:
            show(f"the shop is open ({shop.prometheus_url}); the bot is in #incidents")
            thread = _Thread(slack, shop, await _play(fault, slack, shop, show))
            await bot.until(slack.wait_for(thread.answered, ANSWERS_WITHIN), "did not answer")
            show("the bot has answered")
            answer = await asyncio.to_thread(_stored_answer, folder, thread.key)
            await _pictured(thread, answer)
            thread.show(answer, page_path or Path(f"demo-{fault.name}.html"))
            if keep:
                await _kept(shop, folder / CONFIG)
    return 0


async def _play(fault: Fault, slack: SlackSimulator, shop: Shop, show: _Progress) -> str:
    """The scenario until its alert fires, and then the question; returns the question's ts."""
    async for event in run_scenario(shop, fault):
        show(event.text if event.kind is not EventKind.FAULT else f"{event.text}   ← the fault")
    ann, incidents = slack.workspace.user("ann"), slack.workspace.channel("incidents")
    show(f"ann asks: @sre-bot {QUESTION}")
    return await slack.post(ann, incidents, f"{slack.workspace.bot.mention} {QUESTION}")


@contextlib.asynccontextmanager
async def _serving(folder: Path, slack: SlackSimulator, shop: Shop) -> AsyncIterator[_Bot]:
    """The ordinary bot as a process of its own, connected."""
    config = folder / CONFIG
    config.write_text(yaml.safe_dump(_configuration(slack, shop)), encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if name in (*_PASSED_ON, *_MODEL)}
    environment |= {
        "SRE_BOT_CONFIG": str(config),
        "SLACK_BOT_TOKEN": slack.bot_token,
        "SLACK_APP_TOKEN": slack.app_token,
    }
    log = folder / "serve.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "sre_bot.cli", "serve"),
            env=environment,
            stderr=output,
            stdout=output,
            start_new_session=True,  # Ctrl-C is for us; we stop it in order
        )
    bot = _Bot(process, log)
    try:
        await bot.until(slack.wait_for(lambda: slack.connection_count, CONNECTS_WITHIN), "did not connect to Slack")
        yield bot
    finally:
        await bot.stop()


def _configuration(slack: SlackSimulator, shop: Shop) -> dict[str, object]:
    return {
        "slack": {"api_url": slack.api_url},
        "prometheus": {"url": shop.prometheus_url},
        "alertmanager": {"url": shop.alertmanager_url},
        "repositories": [{"name": "shop", "path": str(shop.repository.path), "web_url": CODE_HOST}],
        "deploys": {"path": str(shop.deploys.path)},
        "http": {"port": 0},
        "state_dir": "state",
    }


class _Bot:
    """The serving process."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self._process = process
        self._log = log

    async def until(self, condition: Awaitable[object], complaint: str) -> None:
        """Wait for something the bot does, or for its end.

        Raises:
            DrillError: it ended, or the time ran out; with the end of its log.
        """
        waiting, ended = asyncio.ensure_future(condition), asyncio.create_task(self._process.wait())
        try:
            await asyncio.wait((waiting, ended), return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done():
                raise DrillError(f"the bot ended by itself:\n{self._tail()}")
            waiting.result()
        except TimeoutError as error:
            raise DrillError(f"the bot {complaint}: {error}\n{self._tail()}") from error
        finally:
            for task in (waiting, ended):
                task.cancel()
            await asyncio.gather(waiting, ended, return_exceptions=True)

    async def stop(self) -> None:
        """Tell it to stop; kill it when it does not."""
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(STOPS_WITHIN):
                    await self._process.wait()
            except TimeoutError:
                self._process.kill()
                await self._process.wait()

    def _tail(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")[-_LOG_TAIL:]


@dataclass(frozen=True, slots=True)
class _Thread:
    """The thread of the question with id ``ts``."""

    slack: SlackSimulator
    shop: Shop
    ts: str

    @property
    def channel(self) -> Channel:
        return self.slack.workspace.channel("incidents")

    @property
    def key(self) -> str:
        """How the bot calls the investigation."""
        return f"slack:{self.slack.workspace.team_id}:{self.channel.id}:{self.ts}"

    def answered(self) -> bool:
        """Whether the last word was said: the answer or an apology is there, and the status line is closed."""
        posts = {_kind(message): message for message in self.slack.thread(self.channel, self.ts)}
        status = posts.get("status")
        closed = status is not None and status.edited_ts is not None and status.text.startswith("Done")
        return "apology" in posts or ("answer" in posts and closed)

    def is_pictured(self) -> bool:
        """Whether a picture was uploaded."""
        return any(message.files for message in self.slack.thread(self.channel, self.ts))

    def show(self, answer: Answer | None, path: Path) -> None:
        """Print the thread and write its page."""
        console = Console(highlight=False, soft_wrap=True)
        console.rule("#incidents, as it reads in Slack")
        console.print(_styled(self.slack.transcript(self.channel, self.ts)))
        console.rule()
        path.write_text(self._page(answer), encoding="utf-8")
        console.print(f"the thread with its charts: {path.absolute()}", markup=False)

    def _page(self, answer: Answer | None) -> str:
        workspace = self.slack.workspace
        messages = [
            PageMessage(
                author=workspace.name_of(message.user),
                time=datetime.fromtimestamp(float(message.ts), UTC),
                text=message.text,
                bot=message.by_bot,
                pictures=tuple(PagePicture(file.content, file.alt) for file in message.files),
            )
            for message in self.slack.thread(self.channel, self.ts)
        ]
        urls = (CODE_HOST, self.shop.prometheus_url, self.shop.alertmanager_url)
        hosts = frozenset(urlsplit(url).netloc for url in urls)
        return page("#incidents", messages, answer, allowed_hosts=hosts, people={workspace.bot.user_id: "sre-bot"})


def _kind(message: Message) -> str:
    """The last part of the key that the bot gave its post, e.g. ``answer``."""
    payload = (message.metadata or {}).get("event_payload", {})
    return str(payload.get("key", "")).rsplit(":", 1)[-1]


_LINK = r"(?P<title>[^\s<>\[(]+) <(?P<url>https?://[^>\s]+)>"
_MARKS = re.compile(
    r"(?<![\w_])_(?P<quiet>\[[^\n]*?\]|[^_\n]+)_(?!\w)"
    r"|(?<![\w*])\*(?P<bold>[^*\n]+)\*(?!\w)"
    rf"|{_LINK}"
)


def _styled(transcript: str) -> Text:
    """The thread with links behind their titles (where the terminal can), bold and quiet text as Slack shows them."""
    text, end = Text(), 0
    for found in _MARKS.finditer(transcript):
        text.append(transcript[end : found.start()])
        if found["url"]:
            text.append(found["title"], f"link {found['url']}")
        else:
            text.append_text(_linked(found["bold"] or found["quiet"], "bold" if found["bold"] else "dim"))
        end = found.end()
    return text.append(transcript[end:])


def _linked(part: str, style: str) -> Text:
    text, end = Text(style=style), 0
    for found in re.finditer(_LINK, part):
        text.append(part[end : found.start()])
        text.append(found["title"], f"link {found['url']}")
        end = found.end()
    return text.append(part[end:])


async def _pictured(thread: _Thread, answer: Answer | None) -> None:
    """Wait for the picture, if there is to be one; the bot may have failed at it, which is no harm."""
    if answer is not None and finding_of(answer) is not None:
        with contextlib.suppress(TimeoutError):
            await thread.slack.wait_for(thread.is_pictured, PICTURED_WITHIN)


def _stored_answer(folder: Path, key: str) -> Answer | None:
    engine = open_database(f"sqlite:///{folder / 'state' / 'sre-bot.sqlite'}")
    try:
        return Investigations(engine).answer(key)
    finally:
        engine.dispose()


async def _kept(shop: Shop, config: Path) -> None:
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"still running: Prometheus {shop.prometheus_url}, Alertmanager {shop.alertmanager_url}.")
    console.print(f'ask more: SRE_BOT_CONFIG={config} sre-bot ask "how is payments?"', markup=False)
    console.print("Ctrl-C ends.")
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    await stopped.wait()


class _Progress:
    """Lines with the seconds since the start."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._started = time.monotonic()

    def __call__(self, text: str) -> None:
        self._console.print(f"[{time.monotonic() - self._started:5.1f} s] {text}", markup=False)
