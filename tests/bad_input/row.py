"""A row of the table, and the world it happens in."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping  # noqa: TC003 - dataclasses read annotations at run time
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path  # noqa: TC003 - dataclasses read annotations at run time
from typing import TYPE_CHECKING, Protocol, TypeVar

import pytest

from sre_bot.cli import main

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator
    from typing import Self

T = TypeVar("T")

ASK = ("ask", "what is wrong?", "--model", "first-look")
SERVE = ("serve",)


class Server(Protocol):
    """Something that listens."""

    url: str


@dataclass(frozen=True, slots=True)
class Row:
    """What is done, what a human sees of it, and how it comes about.

    In ``config``, ``env`` and ``words``, ``{folder}`` stands for the folder of the configuration, ``{server}`` for the
    server that ``answers`` runs, ``{tls}`` for the same with https, ``{port}`` for its port, and ``{nowhere}`` for a
    place where nobody listens. In ``wrong`` and ``advice``, ``…`` stands for anything.

    Args:
        does: what is done, or what goes wrong; names the row.
        wrong: the sentence that says so; it must be shown once.
        advice: what to do about it; may be in the same sentence.
        words: the command line.
        config: the configuration file.
        env: variables of the environment.
        prepare: makes what is to be there in the folder; may give a context in which it is there.
        answers: a server.
        status: the exit status.
        own_process: run as a process that may not do more than any user may, even if we are root.
    """

    does: str
    wrong: str
    advice: str
    _: KW_ONLY
    words: tuple[str, ...] = ("check",)
    config: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    prepare: Callable[[Path], object] | None = None
    answers: Callable[[], AbstractAsyncContextManager[Server]] | None = None
    status: int = 1
    own_process: bool = False


@dataclass(frozen=True, slots=True)
class Screen:
    """What was printed, and the exit status."""

    out: str
    err: str
    status: int

    @property
    def text(self) -> str:
        """Both streams, with every run of white space as one space, since lines may be wrapped anywhere."""
        return " ".join(f"{self.out} {self.err}".split())

    def times(self, sentence: str) -> int:
        """How often a sentence stands there; ``…`` stands for anything but the end of a sentence of ours."""
        return len(re.findall(".{0,300}?".join(map(re.escape, sentence.split("…"))), self.text))


class Servers:
    """An event loop in a thread of its own, for servers that the program talks to."""

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def run(self, work: Coroutine[object, object, T]) -> T:
        """Do something in that loop and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(90)

    @contextlib.contextmanager
    def up(self, server: AbstractAsyncContextManager[T]) -> Iterator[T]:
        """Run a server there."""
        stack = contextlib.AsyncExitStack()
        try:
            yield self.run(stack.enter_async_context(server))
        finally:
            self.run(stack.aclose())


def nowhere() -> str:
    """An address where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def settled(text: str, **places: str) -> str:
    """A text of a row, with its places filled in."""
    for name, place in places.items():
        text = text.replace(f"{{{name}}}", place)
    return text


@contextlib.contextmanager
def situation(row: Row, folder: Path, servers: Servers) -> Iterator[tuple[list[str], dict[str, str]]]:
    """Make it so; gives the words of the command line and the variables of the environment."""
    with contextlib.ExitStack() as stack:
        made = row.prepare(folder) if row.prepare is not None else None
        if isinstance(made, AbstractContextManager):
            stack.enter_context(made)
        server = stack.enter_context(servers.up(row.answers())).url if row.answers else ""
        places = {
            "folder": str(folder),
            "server": server,
            "nowhere": nowhere(),
            "tls": server.replace("http:", "https:"),
            "port": server.rpartition(":")[2],
        }
        config = folder / "sre-bot.yaml"
        if row.config:
            config.write_text(settled(row.config, **places), encoding="utf-8")
        env = {name: settled(value, **places) for name, value in row.env.items()}
        yield [settled(word, **places) for word in row.words], env


def seen_here(
    words: list[str], env: Mapping[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Screen:
    """Run the command line in this process."""
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    try:
        status = main(words)
    except SystemExit as ended:  # argparse ends by itself
        status = int(str(ended.code))
    said = capsys.readouterr()
    return Screen(said.out, said.err, status)


def seen_as_process(words: list[str], env: Mapping[str, str], folder: Path) -> Screen:
    """Run the command line as a process that may not do more than any user may."""
    lowered: list[str] = []
    if os.geteuid() == 0:
        lowered = ["setpriv", "--inh-caps=-all", "--bounding-set=-all"]
        if shutil.which("setpriv") is None:
            pytest.skip("root may read everything, and there is no setpriv to forgo that")
    kept = {name: value for name, value in os.environ.items() if name.startswith(("PATH", "COV"))}
    command = [*lowered, sys.executable, "-m", "sre_bot.cli", *words]
    ended = subprocess.run(
        command, cwd=folder, env={**kept, **env}, capture_output=True, text=True, check=False, timeout=60
    )
    return Screen(ended.stdout, ended.stderr, ended.returncode)
