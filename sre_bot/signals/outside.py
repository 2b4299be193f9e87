"""What speaks for a cause that is no change: in the words of programs that say who failed them. Pure.

Certificates run out, names do not resolve, partners send nonsense, machines and their disks break, quotas are used
up: programs say so in much the same words everywhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sre_bot.investigation import CauseKind, RemediationAction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence


@dataclass(frozen=True, slots=True)
class Heard:
    """A sort of line that is logged newly or more: by whom, its pattern and an example, and how often.

    Of what differs from line to line the pattern keeps nothing.
    """

    services: tuple[str, ...]
    pattern: str
    example: str
    count: int

    @property
    def text(self) -> str:
        """All that is said."""
        return f"{self.pattern}\n{self.example}"


@dataclass(frozen=True, slots=True)
class Outside:
    """A cause that is no change: how much speaks for it (0..1), what sort it is, what would mend it, and why."""

    score: float
    kind: CauseKind
    action: RemediationAction
    why: str
    example: str = ""


@dataclass(frozen=True, slots=True)
class _Sort:
    """Words that say what sort of cause it is; ``widely`` is the score once several services say so."""

    shows: re.Pattern[str]
    score: float
    widely: float
    kind: CauseKind
    action: RemediationAction
    why: str


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


_MACHINE = "a machine or a piece of hardware fails"
_SORTS = (
    _Sort(
        _any(
            r"certificate (has |is )?expired",
            r"cert(ificate)?[ _-]?has[ _-]?expired",
            r"not ?after.{0,60}(passed|expired)",
        ),
        0.95,
        0.95,
        CauseKind.CERTIFICATE,
        RemediationAction.ROTATE_CERT,
        "a certificate has run out",
    ),
    _Sort(
        _any(r"(credentials?|password|secret|licen[sc]e|subscription|api.?key|domain)s? (has |have |is |are )?expired"),
        0.75,
        0.8,
        CauseKind.CERTIFICATE,
        RemediationAction.ROTATE_CERT,
        "credentials have run out",
    ),
    _Sort(
        _any(
            r"no such host|ENOTFOUND|EAI_AGAIN|NXDOMAIN|SERVFAIL|getaddrinfo|UnknownHost|could not resolve",
            r"name resolution|name or service not known|server misbehaving|no upstream nameservers",
        ),
        0.6,
        0.9,
        CauseKind.EXTERNAL_DEPENDENCY,
        RemediationAction.ESCALATE_UPSTREAM,
        "names do not resolve",
    ),
    _Sort(
        _any(
            r"\bnode\b.{0,40}(not ?ready|unreachable|lost|down|pressure)|NodeNotReady|node ?pressure|cordoned",
            r"spot (instance )?(interrupt|reclaim)|preempted|machine check|\bmce\b|\becc\b|uncorrectable",
            r"hardware error|kernel: |\bnvme|buffer i/o error|blk_update|\bsmart\b.{0,40}fail|thermal",
            r"link (is )?down|\bnic\b.{0,30}(reset|down)|blocked for more than \d+ ?s|(disk|volume|storage) is slow",
            r"rebalance recommendation|will be (terminated|reclaimed)|nodes are available|unschedulable",
            r"FailedScheduling|host (maintenance|failure|error)|live migration",
        ),
        0.75,
        0.85,
        CauseKind.INFRASTRUCTURE,
        RemediationAction.RESCHEDULE,
        _MACHINE,
    ),
    _Sort(
        _any(
            r"(\baz\b|\bzone\b|region).{0,60}(unavail|degrad|outage|impair|fail|unreach|down|lost)",
            r"no route to host|network is unreachable|packet loss|\bbgp\b|zonal|cross-az|split.?brain",
        ),
        0.8,
        0.9,
        CauseKind.INFRASTRUCTURE,
        RemediationAction.FAILOVER,
        "a zone, a region or the network between fails",
    ),
    _Sort(
        _any(
            r"\bntp\b|chrony|clock (skew|drift|offset|jump|unsynchroni[sz]ed)|time (skew|drift)|RequestTimeTooSkewed",
            r"issued in the future|token used before issued|clock (is |was )?(wrong|off|ahead|behind)",
            r"\b(iat|nbf)\b.{0,20}future",
        ),
        0.8,
        0.85,
        CauseKind.INFRASTRUCTURE,
        RemediationAction.RESTART,
        "a clock is wrong",
    ),
    _Sort(
        _any(
            r"poison|same (offset|record|message)|redeliver|commit blocked",
            r"corrupt(ed)? (record|payload|message|row|file)",
            r"(malformed|bad) (record|payload|message|row|file|feed|data)|invalid (byte|utf|character|encoding)",
        ),
        0.6,
        0.6,
        CauseKind.BAD_DATA,
        RemediationAction.PURGE_BAD_DATA,
        "what comes in is broken",
    ),
    _Sort(
        _any(
            r"quota.{0,40}(exceed|exhaust|reach)|(exceed|exhaust)\w* .{0,40}quota|credits? (exhausted|balance)",
            r"InsufficientInstanceCapacity|LimitExceeded|ProvisionedThroughputExceeded|Throttling(Exception)?: Rate",
        ),
        0.6,
        0.7,
        CauseKind.CAPACITY,
        RemediationAction.SCALE,
        "a quota is used up",
    ),
    _Sort(
        _any(r"no space left|disk (is )?full|ENOSPC|inodes? exhausted"),
        0.3,
        0.3,
        CauseKind.CAPACITY,
        RemediationAction.SCALE,
        "a disk is full",
    ),
    _Sort(
        _any(
            r"\bsteal\b|noisy neighbou?r",
            r"(burst|cpu|i/?o) ?(credits?|balance).{0,20}(exhaust|used up|deplet|at 0|low)",
        ),
        0.65,
        0.7,
        CauseKind.CAPACITY,
        RemediationAction.RESCHEDULE,
        "others use up the machine",
    ),
)
_GAUGES = (
    (r"timex_offset|clock_?(skew|offset|drift)|ntp_?(offset|drift)|sync_status", 0.8, "a clock is wrong"),
    (r"nodes?_(not_?)?ready|node_(unreachable|down|lost)", 0.75, _MACHINE),
    (r"unschedulable|volume_(queue|write_latency|read_latency)|disk_(await|write_latency|read_latency)", 0.6, _MACHINE),
    (r"(ecc|edac|nvme|smart|machine_check)\w*err|uncorrect", 0.75, _MACHINE),
    (r"packet_?loss|packets?_dropped|retrans", 0.6, "a zone, a region or the network between fails"),
    (r"steal|(burst|cpu|io)_(credit|balance)", 0.65, "others use up the machine"),
)
"""Gauges that tell of the ground, which no change of a program moves, and the reason (of ``_SORTS``) they tell."""

_FAILED_THEM = _any(
    r"\b5\d\d\b|\b429\b|timed?[ -]?out|refused|reset|unavailable|unreachable|bad gateway|outage|degraded|incident",
    r"too many requests|rate limit|maintenance|handshake|\bEOF\b|no response|declined to answer",
)
_HOST = re.compile(
    r"(?<=://)[a-z0-9][\w-]*(?:\.[\w-]+)+"
    r"|\b(?:[a-z0-9][a-z0-9-]*\.)+(?:com|net|org|io|cloud|dev|ai|co|app|eu|us|uk|de|info)\b(?!\.?\w)",
    re.IGNORECASE,
)
_OF_CODE = re.compile(r"(^|\.)(github\.com|gitlab\.com|golang\.org|k8s\.io|java\.(net|io)|system\.(net|io))$")
"""Where programs come from, in their stack traces."""
_STATUS_PAGE = _any(
    r"status ?page|status feed|provider (reports?|incident|outage)",
    r"(vendor|partner|provider|third.?party).{0,40}(outage|degrad|incident|down|unavailable)",
)
THIRD_PARTY, SAID_SO, ANSWERED = 0.7, 0.8, 0.9
"""Scores of errors at a host out in the Internet, of a provider that reports trouble, and of one that answers that it
failed: a change of ours hardly makes it do so."""
_ITS_FAULT = _any(
    r"\b5\d\d\b (internal server error|bad gateway|service (temporarily )?unavailable|gateway time-?out)",
    r"\b(answered|returned|status|code|http/\d(\.\d)?)[:= ]+5\d\d\b",
)
SAME_RECORD = 0.8
"""… of one and the same record refused again and again."""
MOST_OF = 0.3
"""A cause that less than this share of the bad lines speak of is not what it is about."""
AGAIN = 5
_RECORD = re.compile(
    r"\b(?:record|message|event|offset|row|line|batch|order|document|file|object|key)(?:[_ -]?id)?\s*[=:]?\s*[\"']?"
    r"((?=[\w.:/-]*\d)[\w.:/-]{4,})",
    re.IGNORECASE,
)
_REFUSED = _any(
    r"invalid|out of range|malformed|validation|cannot parse|parse error|unmarshal|decode|unexpected|corrupt|reject",
    r"schema",
)


def outside_causes(heard: Sequence[Heard], is_ours: Callable[[str], bool]) -> tuple[Outside, ...]:
    """Causes that are no change, as far as the lines speak of them, the likeliest first.

    Args:
        heard: what is logged newly or more since it fails.
        is_ours: whether a host is one of our own.
    """
    total = sum(one.count for one in heard)
    found = [*_by_words(heard, total), *_same_record(heard), *_third_parties(heard, total, is_ours)]
    return tuple(sorted(found, key=lambda cause: (-cause.score, cause.why)))


def told_by_gauge(metric: str, service: str) -> Outside | None:
    """The cause that a gauge tells of which is not what it was, if what it measures is the ground."""
    for shows, score, why in _GAUGES:
        if re.search(shows, metric, re.IGNORECASE):
            sort = next(sort for sort in _SORTS if sort.why == why)
            return Outside(score, sort.kind, sort.action, f"{why}: {metric} of {service} is not what it was")
    return None


def _by_words(heard: Sequence[Heard], total: int) -> Iterable[Outside]:
    for sort in _SORTS:
        saying = [one for one in heard if sort.shows.search(one.text)]
        if not saying:
            continue
        who = {service for one in saying for service in one.services[:1]}
        share = sum(one.count for one in saying) / max(total, 1)
        score = sort.widely if len(who) > 1 else sort.score
        score *= 1.0 if share >= MOST_OF else 0.5 + 0.5 * share / MOST_OF
        told = f"{sort.why}, as {_listed(who)} log{'s' if len(who) < 2 else ''}"  # noqa: PLR2004 -- plural
        yield Outside(score, sort.kind, sort.action, told, saying[0].example)


def _same_record(heard: Sequence[Heard]) -> Iterable[Outside]:
    """One and the same record, refused again and again: an input that cannot be digested."""
    for one in heard:
        named = _RECORD.search(one.pattern)
        if named and one.count >= AGAIN and _REFUSED.search(one.text):
            why = f"the same record ({named.group(1)}) is refused {one.count} times"
            yield Outside(SAME_RECORD, CauseKind.BAD_DATA, RemediationAction.PURGE_BAD_DATA, why, one.example)
            return


def _third_parties(heard: Sequence[Heard], total: int, is_ours: Callable[[str], bool]) -> Iterable[Outside]:
    saying: dict[str, list[Heard]] = {}
    for one in heard:
        if _STATUS_PAGE.search(one.text):
            yield _escalate(SAID_SO, "a provider is in trouble", one)
        for host in _HOST.findall(one.text) if _FAILED_THEM.search(one.text) else ():
            if not _OF_CODE.search(host.lower()) and not is_ours(host.lower()):
                saying.setdefault(host.lower(), []).append(one)
    for host, lines in saying.items():
        share = sum(one.count for one in lines) / max(total, 1)
        score = ANSWERED if any(_ITS_FAULT.search(one.text) for one in lines) else THIRD_PARTY
        yield _escalate(score * (1.0 if share >= MOST_OF else 0.6), f"calls to {host} fail", lines[0])


def _escalate(score: float, why: str, one: Heard) -> Outside:
    kind, action = CauseKind.EXTERNAL_DEPENDENCY, RemediationAction.ESCALATE_UPSTREAM
    return Outside(score, kind, action, f"{why}, as {_listed(set(one.services[:1]))} logs", one.example)


def _listed(who: set[str]) -> str:
    return ", ".join(sorted(who)[:3]) or "someone"
