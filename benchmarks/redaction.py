"""What redaction finds, what it leaves alone, and how fast it is.

Run ``.venv/bin/python -m benchmarks.redaction [SEED]``. Recall on samples drawn from the seed
(``tests/redaction_samples.py``) and, where they are, on the corpora beside the checkout; identifiers and ordinary lines
that were changed; megabytes a second of processor time (the best of five runs: others share the caches of the
processor), without and with configured credentials.
"""

from __future__ import annotations

import gzip
import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sre_bot.redaction import Redactor
from tests import redaction_samples as samples

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

CORPORA = Path(__file__).parents[2] / "shared/corpora"
LINE = (
    '{"time":"2026-07-11T12:00:00Z","severity":"INFO","service":"catalog","message":"served page",'
    '"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","http.route":"/api/catalog/item","user_token_count":3}'
)
LINES = 20_000
RUNS = 5


def main() -> None:
    """Print the figures."""
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else 20261201
    print(f"seed {seed}")
    recall("secrets in configuration, code, commands and logs", samples.forms(seed))
    recall("tokens of vendors", samples.families(seed))
    encodings(seed)
    changed("identifiers that must stay", samples.kept(seed, 50))
    changed("lines of ordinary logs", samples.log_lines(seed, 500))
    if CORPORA.exists():
        forms = corpus("redaction_ops_forms.jsonl.gz")
        recall("corpus of forms", (samples.Sample(row["kind"], row["text"], row["secrets"][0]) for row in forms))
        changed("corpus of identifiers", (row["text"] for row in corpus("redaction_must_keep.jsonl.gz")))
    for held in (0, 1, 8):
        speed(held, seed)


def recall(what: str, drawn: Iterable[samples.Sample]) -> None:
    """Of how many samples the secret is gone, and of which kinds it is not."""
    redactor, left, number = Redactor(), Counter[str](), 0
    for sample in drawn:
        number += 1
        left[sample.kind.partition("|")[0]] += sample.secret in redactor.redact(sample.text)
    worst = ", ".join(f"{kind} {count}" for kind, count in left.most_common() if count)
    found = number - left.total()
    print(f"{what}: {found}/{number} = {found / number:.1%}{'; not: ' + worst if worst else ''}")


def encodings(seed: int) -> None:
    """In how many encodings configured credentials are known."""
    found = number = 0
    for credential in samples.credentials(seed):
        redactor = Redactor([credential])
        for _, text in samples.encoded(credential):
            number += 1
            found += "[redacted:configured]" in redactor.redact(f"x {text} y")
    print(f"configured credentials, encoded: {found}/{number} = {found / number:.1%}")


def changed(what: str, texts: Iterable[str]) -> None:
    """How many texts are not as they were."""
    redactor, number, wrong = Redactor(), 0, 0
    for text in texts:
        number += 1
        wrong += redactor.redact(text) != text
    print(f"{what}: {wrong} of {number} changed = {wrong / number:.2%}")


def speed(held: int, seed: int) -> None:
    """Over a few megabytes of ordinary logs."""
    text, taken = "\n".join([LINE] * LINES), []
    redactor = Redactor(samples.credentials(seed)[:held])
    for _ in range(RUNS):
        started = time.process_time()
        redactor.redact(text)
        taken.append(time.process_time() - started)
    print(f"{len(text) / 1e6:.1f} MB of logs, {held} credentials: {len(text) / 1e6 / min(taken):.1f} MB/s")


def corpus(name: str) -> Iterator[dict[str, Any]]:
    """The rows of a corpus."""
    with gzip.open(CORPORA / name, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


if __name__ == "__main__":
    main()
