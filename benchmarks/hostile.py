"""How the work for hostile texts grows with their length: a factor near eight for eight times the text is linear.

The pieces that are repeated are those of the tests. Run ``.venv/bin/python -m benchmarks.hostile``: of each reader the
piece that grows most, in milliseconds of processor time (the best of three) for 1,000 and for 8,000 repetitions.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sre_bot.redaction import Redactor
from sre_bot.render.safe import slack_safe
from sre_bot.slack.addressed import speaks_to_us
from sre_bot.slack.messages import plain_text
from sre_bot.sources.markdown import sections
from tests.agent import test_verify_support as claims
from tests.render import test_safe as shown
from tests.slack import test_addressed as addressed
from tests.slack import test_messages as messages
from tests.sources import test_markdown as documents
from tests.test_redaction import HOSTILE as SECRETS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

FEW, MANY = 1_000, 8_000
RUNS = 3
READERS: dict[str, tuple[Callable[[str], object], Sequence[str]]] = {
    "redaction": (Redactor().redact, SECRETS),
    "what is posted": (lambda text: slack_safe(text, shown.HOSTS), shown.HOSTILE),
    "what is said": (plain_text, messages.HOSTILE),
    "who is addressed": (speaks_to_us, addressed.HOSTILE),
    "documents": (sections, documents.HOSTILE),
    "evidence of a claim": (lambda text: claims.why("api fails 31 % since 12:34", text), claims.HOSTILE),
}


def seconds(read: Callable[[str], object], text: str) -> float:
    """Of processor time, the best of some runs."""
    taken = []
    for _ in range(RUNS):
        started = time.process_time()
        read(text)
        taken.append(time.process_time() - started)
    return min(taken)


def main() -> None:
    """A line a reader."""
    for name, (read, pieces) in READERS.items():
        spent = {piece: (seconds(read, piece * FEW), seconds(read, piece * MANY)) for piece in pieces}
        piece, (few, many) = max(spent.items(), key=lambda one: one[1][1] / max(one[1][0], 1e-4))
        slowest = max(many for _, many in spent.values())
        print(
            f"{name:<20} grows most with {piece!r}: {few * 1e3:.1f} → {many * 1e3:.1f} ms, "
            f"× {many / max(few, 1e-4):.1f}; slowest of all {slowest * 1e3:.0f} ms"
        )


if __name__ == "__main__":
    main()
