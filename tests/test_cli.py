"""The command line: what it takes, what it exits with, and what it does not load."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import logging
import os
import sys
from typing import TYPE_CHECKING

import pytest

from sre_bot import __version__
from sre_bot.cli import main
from sre_bot.drills.faults import faults
from sre_bot.errors import DrillError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A folder without a configuration, an environment without ours, and the program's loggers put back."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(("SRE_BOT_", "SLACK_", "ANTHROPIC_"))]:
        monkeypatch.delenv(name)
    for name in ("PROMETHEUS", "ALERTMANAGER", "LOKI", "TEMPO"):
        monkeypatch.delenv(f"{name}_URL", raising=False)
    root, ours = logging.getLogger(), logging.getLogger("sre_bot")
    before = root.handlers[:], root.level, ours.level
    yield
    root.handlers[:], level, our_level = before
    root.setLevel(level)
    ours.setLevel(our_level)


class TestDone:
    def test_an_answer_is_0_even_when_nothing_is_known(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["ask", "what is wrong?", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["root_cause"] is None

    def test_a_moment_ago_is_no_option(self, capsys: pytest.CaptureFixture[str]) -> None:
        for words in (["--at", "-20m"], ["--at=-20m"]):
            assert main(["ask", "what is wrong?", "--model", "first-look", *words]) == 0
            assert "as of 20" in capsys.readouterr().out

    def test_check_tells_of_each_system(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["check"]) == 0
        assert "ok    database" in capsys.readouterr().out

    def test_demo_lists_its_faults(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["demo", "--list"]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert [line.split()[0] for line in lines] == [fault.name for fault in faults()]

    def test_version_and_help_are_told(self, capsys: pytest.CaptureFixture[str]) -> None:
        for option, said in (("--version", f"sre-bot {__version__}"), ("--help", "serve")):
            with pytest.raises(SystemExit) as ended:
                main([option])
            assert ended.value.code == 0
            assert said in capsys.readouterr().out


class BrokenOutput(io.StringIO):
    """Standard output that cannot be written to."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self._error = error

    def write(self, _: str) -> int:
        raise self._error


class TestFaults:
    @pytest.mark.parametrize(
        ("error", "status", "said"),
        [
            (OSError("no space left"), 1, "this is a fault of ours; please report it"),
            (DrillError("the shop does not open."), 1, "sre-bot: the shop does not open."),
            (KeyboardInterrupt(), 130, ""),
        ],
    )
    def test_what_breaks_off_has_a_status_of_its_own(
        self,
        error: BaseException,
        status: int,
        said: str,
        capsys: pytest.CaptureFixture[str],
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        with contextlib.redirect_stdout(BrokenOutput(error)):
            assert main(["demo", "--list"]) == status
        err = capsys.readouterr().err + caplog.text
        assert said in err
        assert ("Traceback" in err) == isinstance(error, OSError), "the stack is for what nobody thought of"

    def test_the_stack_is_shown_without_secrets(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SLACK_BOT_TOKEN", "hunter2-hunter2")
        with contextlib.redirect_stdout(BrokenOutput(OSError("no room for hunter2-hunter2"))):
            assert main(["ask", "why?", "--model", "first-look"]) == 1
        assert "OSError: no room for [redacted:configured]" in capsys.readouterr().err


async def child(*words: str, **variables: str) -> tuple[int | None, str, str]:
    """Run Python; its exit status, standard output and standard error."""
    environment = {name: value for name, value in os.environ.items() if name.startswith(("PATH", "COV"))} | variables
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *words), env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


@pytest.mark.real
class TestProcesses:
    async def test_ask_prints_one_document_and_exits_with_0(self) -> None:
        status, out, err = await child("-m", "sre_bot.cli", "ask", "what is wrong?", "--json", "--at", "-20m")
        assert status == 0
        assert json.loads(out)["question"] == "what is wrong?"
        assert not err

    async def test_a_bad_moment_exits_with_2_and_one_line(self) -> None:
        status, out, err = await child("-m", "sre_bot.cli", "ask", "why?", "--at", "2999-01-01", "--json")
        assert (status, out) == (2, "")
        assert err.startswith("sre-bot: --at 2999-01-01 lies in the future")
        assert err.count("\n") == 1

    @pytest.mark.parametrize("form", [("--json",), ()])
    async def test_a_terminal_that_has_not_all_letters_is_written_to_all_the_same(self, form: tuple[str, ...]) -> None:
        words = ("-m", "sre_bot.cli", "ask", "was läuft?", "--model", "first-look", *form)
        status, out, err = await child(*words, PYTHONIOENCODING="ascii")
        assert (status, err) == (0, "")
        assert (json.loads(out)["question"] == "was läuft?") if form else ("What is going on?" in out)

    async def test_a_reader_who_has_seen_enough_is_no_fault(self) -> None:
        command = (sys.executable, "-m", "sre_bot.cli", "ask", "why?", "--model", "first-look", "--json")
        reading, writing = os.pipe()
        os.close(reading)
        try:
            process = await asyncio.create_subprocess_exec(*command, stdout=writing, stderr=asyncio.subprocess.PIPE)
        finally:
            os.close(writing)
        _, err = await process.communicate()
        assert (process.returncode, err) == (141, b"")

    @pytest.mark.parametrize(
        ("redirected", "status", "said"),
        [
            (">/dev/full", 1, "sre-bot: the disk is full: make room and try again.\n"),
            (">&-", 0, ""),
            ("<&-", 0, ""),
        ],
    )
    async def test_an_output_that_is_full_or_closed_is_no_reason_for_a_stack(
        self, redirected: str, status: int, said: str, tmp_path: Path
    ) -> None:
        command = f'exec "$0" -m sre_bot.cli ask why --model first-look {redirected}'
        process = await asyncio.create_subprocess_exec(
            *("sh", "-c", command, sys.executable), cwd=tmp_path, stderr=asyncio.subprocess.PIPE
        )
        _, err = await process.communicate()
        assert (process.returncode, err.decode()) == (status, said)

    async def test_the_first_look_loads_neither_slack_nor_workflows_nor_the_models_client(self) -> None:
        program = (
            "import sys; from sre_bot.cli import main; status = main(sys.argv[1:]);"
            "print(status, sorted({name.split('.')[0] for name in sys.modules}), file=sys.stderr)"
        )
        _, out, err = await child("-c", program, "ask", "what is wrong?", "--model", "first-look")
        assert "first look, no model" in out
        assert err.startswith("0 [")
        assert "'sre_bot'" in err
        assert [name for name in ("slack_bolt", "slack_sdk", "dbos", "anthropic") if f"'{name}'" in err] == []
