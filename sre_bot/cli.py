"""The command line. One of the two doors where a broad ``except`` stands.

Exit status: 0 done (an answer may be "don't know"), 2 bad input or configuration (one clear line), 1 a fault of ours.
Each command imports what it needs when it runs, so that ``--help`` is quick and ``ask`` loads neither Slack nor the
workflow engine.
"""

from __future__ import annotations

import argparse
import asyncio
import errno
import io
import json
import logging
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from sre_bot import __version__
from sre_bot.errors import BadInputError, ConfigurationError, SreBotError

if TYPE_CHECKING:
    from collections.abc import Sequence

_OURS, _BAD_INPUT, _INTERRUPTED, _UNREAD = 1, 2, 130, 141
_AGO = re.compile(r"-\d+\w*")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    _write_in_any_locale()
    arguments = _parser().parse_args(_with_times(sys.argv[1:] if argv is None else argv))
    try:
        return _run(arguments)
    except (BadInputError, ConfigurationError) as error:
        _complain(error)
        return _BAD_INPUT
    except SreBotError as error:
        _complain(error)
        return _OURS
    except KeyboardInterrupt:
        return _INTERRUPTED
    except Exception as error:  # noqa: BLE001 - a door: what nobody thought of is logged with its stack
        return _broken_off(error)


def _complain(error: SreBotError) -> None:
    """Its sentence may quote what a system said, or a file."""
    from sre_bot.redaction import Redactor

    print(f"sre-bot: {Redactor().redact(str(error))}", file=sys.stderr)


def _broken_off(error: Exception) -> int:
    """Say what ended it, unless nobody listens any more; returns the exit status."""
    if isinstance(error, BrokenPipeError):  # whoever read our output (`head`, say) has seen enough
        _write_no_more()
        return _UNREAD
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        print("sre-bot: the disk is full: make room and try again.", file=sys.stderr)
        _write_no_more()
        return _OURS
    # By now without secrets.
    logging.getLogger("sre_bot.cli").error("this is a fault of ours; please report it with these lines", exc_info=error)
    return _OURS


def _run(arguments: argparse.Namespace) -> int:
    status = int(arguments.run(arguments))
    print(end="", flush=True)  # here, where it is noticed that nobody reads
    return status


def _write_no_more() -> None:
    """What is left of the output cannot be written, and would be complained of at the very end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _write_in_any_locale() -> None:
    """A terminal that has no letter for something shows a question mark; that is no reason to fail."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _with_times(argv: Sequence[str]) -> list[str]:
    """``--at -20m`` as ``--at=-20m``: by itself argparse takes ``-20m`` for an option it does not know."""
    joined: list[str] = []
    for word in argv:
        if joined and joined[-1] == "--at" and _AGO.fullmatch(word):
            joined[-1] = f"--at={word}"
        else:
            joined.append(word)
    return joined


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sre-bot",
        description="Investigates incidents with read-only tools and answers with evidence.",
        epilog="Configuration: sre-bot.yaml (or the file that SRE_BOT_CONFIG names) and the environment.",
    )
    parser.add_argument("--version", action="version", version=f"sre-bot {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    serve = commands.add_parser("serve", help="answer mentions in Slack until told to stop")
    serve.set_defaults(run=_serve)

    ask = commands.add_parser("ask", help="investigate a question here in the terminal")
    ask.add_argument("question", nargs="+", help='what you want to know, e.g. "checkout is failing, what\'s going on?"')
    ask.add_argument(
        "--at", metavar="TIME", help="look as of this time: 2026-11-22T14:03:00Z, 14:03 (today, UTC) or -20m"
    )
    ask.add_argument("--json", action="store_true", help="print one JSON document instead of text")
    ask.add_argument("--model", metavar="NAME", help="ask this model; first-look asks none")
    ask.set_defaults(run=_ask)

    replay = commands.add_parser("replay", help="investigate a recorded incident, as of when it was asked about")
    replay.add_argument("recording", metavar="DIR", type=Path, help="folder of the recording")
    replay.add_argument("--question", metavar="TEXT", help="ask this instead of what was asked")
    replay.add_argument("--json", action="store_true", help="print one JSON document instead of text")
    replay.add_argument("--model", metavar="NAME", help="ask this model; first-look asks none")
    replay.set_defaults(run=_replay)

    check = commands.add_parser("check", help="validate the configuration and reach each system")
    check.set_defaults(run=_check)

    rank = commands.add_parser("rank", help="rank the suspects of recorded cases: metrics around an alert")
    rank.add_argument("cases", nargs="+", type=Path, metavar="CASE", help="a folder with case.json and metrics.csv.gz")
    rank.add_argument("--json", action="store_true", help="print one JSON line a case (the only form there is)")
    rank.add_argument("--shift", type=float, default=0.0, metavar="SECONDS", help="added to the alert's time")
    rank.set_defaults(run=_rank)

    debug = commands.add_parser("debug", help="show what is done with each line of standard input, as JSON lines")
    shown = debug.add_subparsers(metavar="WHAT", required=True)
    redact = shown.add_parser("redact", help="what is redacted, and as which kind of secret")
    redact.set_defaults(run=_debug_redact)

    demo = commands.add_parser("demo", help="break a small real shop and watch the bot answer in a simulated Slack")
    demo.add_argument("--fault", metavar="NAME", help="what to break (default: the first of --list)")
    demo.add_argument("--list", action="store_true", help="list the faults and stop")
    demo.add_argument(
        "--page", metavar="FILE", type=Path, help="where to write the HTML page (default: demo-FAULT.html)"
    )
    demo.add_argument("--keep", action="store_true", help="leave everything running afterwards until Ctrl-C")
    demo.set_defaults(run=_demo)
    return parser


def _serve(_: argparse.Namespace) -> int:
    from sre_bot.serve import serve
    from sre_bot.settings import load

    asyncio.run(serve(load()))
    return 0


def _ask(arguments: argparse.Namespace) -> int:
    from sre_bot.ask import ask
    from sre_bot.settings import load

    question = " ".join(arguments.question)  # not everybody puts it in quotes
    return asyncio.run(ask(load(), question, at=arguments.at, as_json=arguments.json, model=arguments.model))


def _replay(arguments: argparse.Namespace) -> int:
    from sre_bot.replay import replay
    from sre_bot.settings import load

    return asyncio.run(
        replay(load(), arguments.recording, arguments.question, as_json=arguments.json, model=arguments.model)
    )


def _check(_: argparse.Namespace) -> int:
    from sre_bot.check import check
    from sre_bot.settings import load

    return asyncio.run(check(load()))


def _rank(arguments: argparse.Namespace) -> int:
    from sre_bot.rank import rank_cases

    status = 0
    for document in rank_cases(arguments.cases, shift=arguments.shift):
        print(json.dumps(document, ensure_ascii=False, allow_nan=False), flush=True)
        status = _OURS if "error" in document else status
    return status


def _debug_redact(_: argparse.Namespace) -> int:
    from sre_bot.debug import redact_lines
    from sre_bot.settings import load

    for document in redact_lines(sys.stdin.buffer, load().credentials()):
        print(document, flush=True)
    return 0


def _demo(arguments: argparse.Namespace) -> int:
    from sre_bot.drills.demo import demo, list_faults

    if arguments.list:
        return list_faults()
    return asyncio.run(demo(arguments.fault, page_path=arguments.page, keep=arguments.keep))


if __name__ == "__main__":
    sys.exit(main())
