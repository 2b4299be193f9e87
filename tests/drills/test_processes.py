"""A process of the drill says when it is ready, is missed when it crashes, and never outlives us."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING

import pytest

from sre_bot.drills import history
from sre_bot.drills.processes import DrillProcess
from sre_bot.drills.rollout import address, listening_socket
from sre_bot.errors import DrillError

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.real

ECHO = "import sys; print('ready', flush=True); print(sys.stdin.readline(), file=sys.stderr, flush=True); sys.exit(3)"


async def spawn(tmp_path: Path, program: str) -> DrillProcess:
    arguments = [sys.executable, "-c", program]
    return await DrillProcess.spawn("till", arguments, folder=tmp_path, log=tmp_path / "till.log")


async def watch(process: DrillProcess) -> None:
    async with asyncio.timeout(60):
        while True:
            process.ensure_running()
            await asyncio.sleep(0.01)


async def test_one_that_dies_before_it_is_ready_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    process = await spawn(tmp_path, "raise SystemExit('no change in the till')")
    with pytest.raises(DrillError, match="till did not start; its log ends:\nno change in the till"):
        await process.ready()
    await process.stop()


async def test_one_that_ends_by_itself_is_missed(tmp_path: Path) -> None:
    process = await spawn(tmp_path, ECHO)
    await process.ready()
    process.ensure_running()
    await process.tell("close")
    with pytest.raises(DrillError, match=r"till ended by itself \(status 3\); its log ends:\nclose"):
        await watch(process)
    await process.stop()


async def test_secrets_of_ours_are_not_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-secret")
    process = await spawn(tmp_path, "import os, sys; sys.exit(' '.join(os.environ))")
    with pytest.raises(DrillError) as told:
        await process.ready()
    assert "PATH" in str(told.value)
    assert "SLACK" not in str(told.value)
    await process.stop()


async def test_a_service_ends_when_whoever_started_it_is_gone(tmp_path: Path) -> None:
    for path, text in history.storefront().items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    hosts = tmp_path / "hosts.json"
    with listening_socket() as listening:
        hosts.write_text(json.dumps({"inventory": address(listening)}))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "shop.inventory", f"--socket-fd={listening.fileno()}"),
            *(f"--hosts={hosts}", "--version=1", "--revision=abc"),
            cwd=tmp_path,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            pass_fds=[listening.fileno()],
        )
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
        async with asyncio.timeout(60):
            _, log = await process.communicate(b"")  # closes its standard input, as our death would
    assert process.returncode == 0
    assert [json.loads(line)["message"] for line in log.splitlines()] == ["serving", "draining"]
