"""How things break: from the words of a failure to what a change must have done to cause it.

A table of the failures that people are paged for, as any book on operations lists them. It knows no system.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sre_bot.signals.diffs import Effect
from sre_bot.signals.words import stem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sre_bot.signals.diffs import Reading


@dataclass(frozen=True, slots=True)
class Mechanism:
    """A way to break.

    ``shows`` finds it in what is logged, measured and alerted on; a change that brings it about is about one of
    ``words`` (stems) and has one of ``effects``. Of those that are seen in nearly every incident ``weight`` is low.
    """

    name: str
    shows: re.Pattern[str]
    words: frozenset[str]
    effects: frozenset[Effect]
    weight: float = 1.0
    in_code: bool = False
    """Whether only a program (or what it is deployed with) fails like this."""
    by_content: bool = False
    """Whether it is about what is sent, rather than about whether and when."""


def _of(
    name: str,
    shows: str,
    words: str,
    *effects: Effect,
    weight: float = 1.0,
    in_code: bool = False,
    by_content: bool = False,
) -> Mechanism:
    stems = frozenset(stem(word) for word in words.split())
    return Mechanism(name, re.compile(shows, re.IGNORECASE), stems, frozenset(effects), weight, in_code, by_content)


MECHANISMS = (
    _of(
        "memory",
        r"oom|out of memory|memory|heap|\brss\b|gc pause|cannot allocate|evict",
        "append cache buffer slice map list record history log accumulate listener leak retain queue session memory "
        "heap limit static global batch page fetch all read row chunk size",
        Effect.GROWTH,
        Effect.WORK,
        Effect.GUARD,
        Effect.SETTING,
    ),
    _of(
        "pool",
        r"pool|too many (connections|clients)|acquir|connections? (limit|exhausted|refused)|max_?conn",
        "conn connection pool max idle session transaction leak close release size limit",
        Effect.SETTING,
        Effect.GUARD,
    ),
    _of(
        "deadline",
        r"deadline|time(d)?[ _-]?out|context cancell?ed|cancell?ed|budget",
        "timeout deadline cancel budget retry backoff keepalive ctx context wait millisecond second",
        Effect.SETTING,
        Effect.GUARD,
        weight=0.7,
    ),
    _of(
        "slow",
        r"slow|latency|p9[059]|duration|exceeded \d+ ?m?s",
        "query select loop index cache ttl sync lock batch regex serial lookup sleep join fetch preload eager lazy",
        Effect.CALLS,
        Effect.SCHEMA,
        Effect.WORK,
        Effect.PATTERN,
        Effect.SETTING,
        weight=0.6,
    ),
    _of(
        "queries",
        r"quer(y|ies)|statement|select\b|cache.?miss|hit.?ratio|full scan|lock wait|db[_ ]cpu",
        "cache ttl expire query select index join item lookup eager lazy entry key invalidate",
        Effect.CALLS,
        Effect.SETTING,
        Effect.SCHEMA,
        Effect.GUARD,
    ),
    _of(
        "missing value",
        r"nil pointer|null.?pointer|nonetype|undefined|cannot read propert|null reference|segfault|sigsegv"
        r"|unwrap|keyerror|attributeerror|typeerror|index out of (range|bounds)|nosuchelement|panic",
        "nil null none optional unwrap default key index undefined check",
        Effect.GUARD,
        in_code=True,
    ),
    _of(
        "race",
        r"concurrent map|data race|deadlock|concurrentmodification|race condition|lock (wait|contention|time-?out)"
        r"|waiting for \w*lock|locks_waiting|could not (obtain|serialize)",
        "lock mutex sync synchronized atomic thread goroutine async transaction concurrent map isolation order alter "
        "table index",
        Effect.SCHEMA,
        Effect.GUARD,
        Effect.WORK,
        Effect.REMOVAL,
        in_code=True,
    ),
    _of(
        "disk",
        r"no space left|disk|read-only file ?system|volume|inode|storage full",
        "debug level log sample rate retention rotate dump temp wal compact verbose trace sink path buffer",
        Effect.SETTING,
        Effect.GUARD,
        Effect.CALLS,
    ),
    _of(
        "processor",
        r"\bcpu|throttl|load average|busy",
        "regex pattern compile match cache ttl index compress encrypt hash serial poll interval spin loop worker "
        "thread",
        Effect.SETTING,
        Effect.CALLS,
        Effect.WORK,
        Effect.PATTERN,
        Effect.GUARD,
    ),
    _of(
        "schema",
        r"(relation|table|column).{0,60}(does not exist|not found|unknown|missing)|no such (table|column)"
        r"|unknown column|undefined (table|column)|missing[_ ]table|migration",
        "select insert update table column migration schema alter drop rename query sql",
        Effect.CALLS,
        Effect.SCHEMA,
        Effect.SETTING,
        in_code=True,
    ),
    _of(
        "trust",
        r"x509|\btls|\bssl|certificate|handshake|unknown authority",
        "cert certificate ca tls ssl trust verify mtls truststore bundle",
        Effect.SETTING,
        Effect.GUARD,
    ),
    _of(
        "names",
        r"no such host|enotfound|name resol|nxdomain|servfail|getaddrinfo|\blookup\b",
        "host hostname url endpoint dns resolver ndot domain address",
        Effect.SETTING,
    ),
    _of(
        "permission",
        r"\b40[13]\b|unauthori[sz]ed|forbidden|permission denied|access ?denied|jwt"
        r"|invalid (token|signature|credential)",
        "auth token secret key role iam policy scope audience issuer header cors permission credential password",
        Effect.SETTING,
        Effect.GUARD,
    ),
    _of(
        "format",
        r"unmarshal|pars(e|ing)|decod|deserial|malformed|schema|unexpected (token|field|type)"
        r"|invalid (json|format|value)|must be|not allowed|expected .{1,40} (but )?got|out of range"
        r"|required (field|key)|negative|cannot (convert|cast)",
        "json proto field schema serial decode marshal tag rename enum format contract version parse type encode",
        Effect.SETTING,
        Effect.GUARD,
        Effect.PATTERN,
        Effect.BUMP,
        weight=0.8,
        by_content=True,
    ),
    _of(
        "handles",
        r"too many open files|emfile|(file )?descriptors?|open_fds|goroutines|address already in use"
        r"|cannot assign requested address|ephemeral port|unable to create .{0,20}thread|out of (threads|handles)",
        "close open file reader body response socket conn connection descriptor handle stream defer goroutine thread",
        Effect.GUARD,
        Effect.GROWTH,
        Effect.WORK,
        Effect.REMOVAL,
    ),
    _of(
        "session",
        r"session|cookie|csrf|log(in|ged out|out)|\bstate\b.{0,30}(missing|mismatch|invalid)",
        "session cookie csrf token state domain samesite site secure redirect callback expire ttl sticky "
        "affinity store",
        Effect.SETTING,
        Effect.GUARD,
    ),
    _of(
        "interface",
        r"unexpected (keyword )?argument|no such method|nosuchmethod|noclassdef|has no attribute|is not a function"
        r"|unimplemented|unknown (method|service|flag|option)|importerror|incompatible|deprecated|symbol lookup",
        "version bump upgrade dependency require package requirement lock pin proto api method argument",
        Effect.BUMP,
        Effect.REMOVAL,
        Effect.SETTING,
        in_code=True,
    ),
    _of(
        "time",
        r"time ?zone|\butc\b|\bdst\b|midnight|in the (future|past)|schedule|cron",
        "time zone timezone utc local offset schedule cron date day hour now clock",
        Effect.SETTING,
        Effect.REMOVAL,
        weight=0.8,
    ),
    _of(
        "limits",
        r"\b429\b|too many requests|rate.?limit|quota|throttl",
        "limit rate quota burst retry concurrency poll interval batch throttle parallel",
        Effect.SETTING,
        Effect.CALLS,
        Effect.GUARD,
    ),
    _of(
        "backlog",
        r"queue|backlog|\blag\b|consumer|rebalanc|redeliver|oldest.?message",
        "consumer batch partition prefetch ack commit concurrency worker poll session visibility offset retry",
        Effect.SETTING,
        Effect.GUARD,
        Effect.CALLS,
        weight=0.8,
    ),
    _of(
        "too much traffic of our own",
        r"retr(y|ies)|storm|amplif|surge|thundering|stampede|requests?_per|\bqps\b|\brps\b",
        "retry backoff jitter attempt ttl cache poll interval",
        Effect.SETTING,
        Effect.GUARD,
        Effect.CALLS,
        weight=0.6,
    ),
    _of(
        "start",
        r"crash.?loop|exit code|failed to start|readiness|liveness|probe|missing (env|config)|module not found"
        r"|no such file|classnotfound|nosuchmethod|undefined symbol|cannot find|image ?pull",
        "env config port probe liveness readiness entrypoint dockerfile base image command path import require mount "
        "version bump upgrade secret",
        Effect.SETTING,
        Effect.GUARD,
        in_code=True,
    ),
    _of(
        "wrong results",
        r"stale|inconsisten|mismatch|duplicate|double|missing data|lost update|wrong",
        "cache ttl key idempotency dedup transaction isolation replica rounding",
        Effect.SETTING,
        Effect.GUARD,
    ),
)


def shown(texts: Iterable[str]) -> tuple[Mechanism, ...]:
    """The ways to break that these texts speak of."""
    everything = "\n".join(texts)
    return tuple(mechanism for mechanism in MECHANISMS if mechanism.shows.search(everything))


BOTH, CHANGED, NAMED, EFFECT = 1.0, 0.5, 0.3, 0.2
"""How well a change fits: by an effect on such a thing, by changed words alone, by its title or paths, by an effect."""


def fit(mechanisms: Iterable[Mechanism], reading: Reading, named: frozenset[str]) -> tuple[float, str]:
    """How well a change brings about what is shown, 0..1, and by which mechanism ("" when by none).

    ``named`` are the words of its title and paths.
    """
    return max(((_fit(m, reading, named) * m.weight, m.name) for m in mechanisms), default=(0.0, ""))


ANYWAY = frozenset({Effect.LOGIC, Effect.REMOVAL})
"""Effects by which anything can break."""


def _fit(mechanism: Mechanism, reading: Reading, named: frozenset[str]) -> float:
    has_effect = bool(reading.effects & (mechanism.effects | ANYWAY))
    if mechanism.words & reading.changed:
        return BOTH if has_effect else CHANGED
    if mechanism.words & named:
        return NAMED + (EFFECT if has_effect else 0.0)
    return EFFECT if has_effect else 0.0
