"""Answers as they come in real life: a bad deploy, an outage elsewhere, no idea, nothing to see, and hostile texts."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from sre_bot.investigation import (
    FIRST_LOOK,
    Answer,
    CauseKind,
    Chart,
    ChartLine,
    ChartMark,
    Claim,
    Evidence,
    Hypothesis,
    Link,
    MissingSource,
    Observation,
    Question,
    Remediation,
    RemediationAction,
    Report,
    Seconds,
    Suspect,
    Unverified,
    Usage,
)

ASKED = datetime(2026, 11, 22, 3, 14, 7, tzinfo=UTC)
ONSET = datetime(2026, 11, 22, 3, 2, 15, tzinfo=UTC)
DEPLOY = datetime(2026, 11, 22, 3, 1, 40, tzinfo=UTC)
SHA = "3f2a91c7d0b5e8846f1c2a9d7e5b3c1f0a8d6e42"
HOSTS = frozenset({"prometheus.internal:9090", "alertmanager.internal", "git.example.com"})
QUESTION = Question("checkout is failing, what's going on?", ASKED, asked_by="ann")


def curve(low: float, high: float, *, points: int = 121, step: float = 15.0, gap: bool = False) -> ChartLine:
    """A line that jumps from low to high at the onset, with a little life in it."""
    end = ASKED.timestamp()
    times = tuple(end - step * (points - 1 - i) for i in range(points))
    values = tuple(
        None
        if gap and 30 <= i < 38
        else (high if time >= ONSET.timestamp() else low) * (1 + 0.08 * math.sin(i / 3) + 0.03 * math.sin(i * 1.7))
        for i, time in enumerate(times)
    )
    return ChartLine("", times, values)


def named(name: str, line: ChartLine) -> ChartLine:
    return ChartLine(name, line.times, line.values)


MARKS = (ChartMark(ONSET.timestamp(), "onset"), ChartMark(DEPLOY.timestamp(), "deploy 3f2a91c7"))
ERRORS = Chart(
    "share of requests that fail",
    "ratio",
    (
        named("checkout", curve(0.002, 0.31)),
        named("storefront", curve(0.001, 0.22)),
        named("inventory", curve(0.001, 0.001)),
    ),
    MARKS,
)
LATENCY = Chart("time to answer, p95", "seconds", (named("checkout", curve(0.12, 1.9, gap=True)),), MARKS)


def graph(query: str) -> Link:
    return Link("graph", f"http://prometheus.internal:9090/graph?g0.expr={query}&g0.range_input=30m&g0.tab=0")


def look(number: int, tool: str, summary: str, *links: Link, charts: tuple[Chart, ...] = ()) -> Evidence:
    return Evidence(f"E{number}", tool, {}, Observation(summary, summary, links=links, charts=charts))


BAD_DEPLOY = Answer(
    QUESTION,
    "claude-opus-5-5",
    "a1b2c3d4e5f60718",
    Report(
        what=(
            Claim(
                "checkout: share of requests that fail 0.2 % → 31 % at 03:02:15 (12 min ago), now 30 %.",
                ("E2",),
            ),
            Claim("Firing: CheckoutErrorRate (checkout), StorefrontErrors (storefront).", ("E1",)),
        ),
        impact=(
            Claim("About 3 in 10 customers cannot pay; storefront shows them a 502.", ("E2", "E3")),
            Claim("Requests to storefront: flat, 41.2/s now.", ("E4",)),
        ),
        hypotheses=(
            Hypothesis(
                Claim(
                    "Deploy of checkout 3f2a91c7d0 “Retry payment twice” by ann: 35 s before the onset, touches "
                    "`payment/client.py`, the stack of the failing calls.",
                    ("E2", "E5"),
                ),
                CauseKind.CHANGE,
                0.82,
                "checkout",
                SHA,
            ),
            Hypothesis(
                Claim("The payment provider is slow, and the retries only make it visible.", ("E3",)),
                CauseKind.EXTERNAL_DEPENDENCY,
                0.12,
                "payment",
            ),
        ),
        ruled_out=(
            Claim("Deploy of inventory 77aa01b2c3 “Log pool size” by ben: inventory answers as before.", ("E5",)),
            Claim("A surge of traffic: requests did not grow before it began.", ("E4",)),
        ),
        next_steps=(
            Claim("Roll back checkout to 91be44a0, then watch its error ratio for 5 min.", ("E5",)),
            Claim("Tell the payment team that double charges may have happened since 03:01:40 UTC.", ("E3",)),
        ),
        unknown=("Whether orders were charged twice: no metric shows it.",),
        remediation=Remediation(RemediationAction.ROLLBACK, "checkout"),
        unverified=(Unverified("The payment provider returned 429.", "E3 holds no such number"),),
        missing=(MissingSource("loki", "connection refused at 03:13:58 UTC"),),
    ),
    (
        look(
            1,
            "list_alerts",
            "CheckoutErrorRate (critical, checkout) firing since 03:04:00, 10 min",
            Link("alerts in alertmanager", "http://alertmanager.internal/#/alerts"),
        ),
        look(
            2,
            "query_metrics",
            "share of requests that fail: checkout 0.2 % → 31 % at 03:02:15 (step), now 30 % ▁▁▁▁▁▁▇█▇█",
            graph("errors%3Aratio"),
            charts=(ERRORS,),
        ),
        look(
            3,
            "query_metrics",
            "time to answer, p95: checkout 120 ms → 1.9 s at 03:02:15 (step) ▁▁▁▁▁▁█▇█▇",
            graph("latency%3Ap95"),
            charts=(LATENCY,),
        ),
        look(4, "query_metrics", "requests per second: storefront steady at 41.2/s ▄▄▄▄▄▅▄▄▄▄", graph("requests")),
        look(
            5,
            "list_changes",
            "deploy of checkout 3f2a91c7d0 “Retry payment twice” by ann: 35 s before the onset",
            Link("commit 3f2a91c7d0b5", f"https://git.example.com/shop/commit/{SHA}"),
        ),
        look(6, "find_metrics", "14 metrics of checkout"),
    ),
    suspects=(Suspect(SHA, 0.82, "35 s before the onset"), Suspect(None, 0.12, "no change explains it")),
    usage=Usage(5, 41_000, 2_300, 30_000, 8_000, 0.21),
    seconds=Seconds(0.4, 1.8, 38.6),
)

OUTAGE_ELSEWHERE = Answer(
    QUESTION,
    FIRST_LOOK,
    None,
    Report(
        what=(
            Claim("checkout: share of requests that fail 0.1 % → 47 % at 03:02:15 (12 min ago), now 49 %.", ("E1",)),
        ),
        hypotheses=(
            Hypothesis(
                Claim(
                    "cardgate.example, not ours, fails the calls of checkout (checkout → cardgate.example 0 % → 52 % "
                    "at 03:02:00 (step), now 55 % ▁▁▁▁▁█▇█); no change explains it.",
                    ("E1", "E2"),
                ),
                CauseKind.EXTERNAL_DEPENDENCY,
                0.71,
                "checkout",
            ),
        ),
        ruled_out=(Claim("Deploy of checkout 1c9d “Tidy logging” by eve: went out 3 h before the onset.", ("E3",)),),
        next_steps=(
            Claim(
                "Check the status page of cardgate.example and open a ticket there; a rollback would not help.", ("E2",)
            ),
        ),
        remediation=Remediation(RemediationAction.ESCALATE_UPSTREAM, "cardgate.example"),
    ),
    (
        look(1, "metrics", "share of requests that fail: checkout 0.1 % → 47 % ▁▁▁▁█▇", graph("e"), charts=(ERRORS,)),
        look(2, "metrics", "calls to others that got worse: checkout → cardgate.example 0 % → 52 %", graph("c")),
        look(3, "changes", "3 changes in the last day, none of which explains it"),
    ),
    seconds=Seconds(0.2, 1.4, 1.6),
    note="No model is configured (set ANTHROPIC_API_KEY): this is the first look, which no model wrote.",
)

DONT_KNOW = Answer(
    QUESTION,
    "claude-sonnet-5-5",
    "a1b2c3d4e5f60718",
    Report(
        what=(Claim("checkout: time to answer, p95 is 1.9 s.", ("E1",)),),
        next_steps=(Claim("Look at the thread dump of a checkout pod; metrics do not show what it waits for.", ()),),
        unknown=(
            "When it began: no signal shows a clear onset in this window.",
            "The cause: no change before the onset fits, and nothing points to another cause.",
        ),
    ),
    (look(1, "query_metrics", "time to answer, p95: checkout steady at 1.9 s ▅▅▅▆▅▅", graph("p95")),),
    seconds=Seconds(0.2, 1.1, 51.0),
    note="The budget of 12 steps is spent; this is what is known so far.",
)

ALL_MISSING = Answer(
    QUESTION,
    FIRST_LOOK,
    None,
    Report(
        what=(),
        unknown=("Whether anything is wrong: the signals that were seen do not show it.",),
        missing=(
            MissingSource("prometheus", "connection refused (http://prometheus.internal:9090)"),
            MissingSource("alertmanager", "no answer within 5 s"),
            MissingSource("deploys", "the file /var/lib/deploys.jsonl does not exist"),
        ),
    ),
    (),
    seconds=Seconds(0.1, 5.2, 5.3),
)

ALL_WELL = Answer(
    QUESTION,
    FIRST_LOOK,
    None,
    Report(what=(Claim("Nothing looks wrong: no alert fires, and 4 services answer as they did before.", ("E1",)),)),
    (look(1, "metrics", "share of requests that fail: checkout steady at 0.1 %", graph("e")),),
    seconds=Seconds(0.1, 0.9, 1.0),
)

ATTACK = (
    "<!channel> @here <@U012AB3CD> [status](https://evil.example/?q=SECRET) ![x](https://evil.example/i.png) "
    "<https://evil.example|https://git.example.com> www.evil.example evil.example/x \u202egnp.exe \x1b[31m "
    '<script>alert(1)</script> "onload="x\' `unclosed \U000e0041 **bold**'
)


def _hostile_claim(ids: tuple[str, ...] = ("E1", "<b>", "E1`")) -> Claim:
    return Claim(ATTACK, ids)


HOSTILE = Answer(
    Question(ATTACK, ASKED, asked_by=ATTACK),
    ATTACK,
    ATTACK,
    Report(
        what=(_hostile_claim(),),
        impact=(_hostile_claim(),),
        hypotheses=(Hypothesis(_hostile_claim(), CauseKind.CHANGE, 0.5, ATTACK, ATTACK),),
        ruled_out=(_hostile_claim(),),
        next_steps=(_hostile_claim(),),
        unknown=(ATTACK,),
        remediation=Remediation(RemediationAction.ROLLBACK, ATTACK),
        unverified=(Unverified(ATTACK, ATTACK),),
        missing=(MissingSource(ATTACK, ATTACK),),
    ),
    (
        Evidence(
            "E1",
            ATTACK,
            {ATTACK: ATTACK},
            Observation(
                ATTACK,
                ATTACK,
                links=(
                    Link(ATTACK, "https://evil.example/x"),
                    Link(ATTACK, "javascript:alert(1)"),
                    Link(ATTACK, ATTACK),
                ),
                charts=(
                    Chart(ATTACK, ATTACK, (named(ATTACK, curve(0.1, 0.5)),), (ChartMark(ONSET.timestamp(), ATTACK),)),
                ),
            ),
        ),
    ),
    note=ATTACK,
)

ALL = {
    "bad deploy": BAD_DEPLOY,
    "outage elsewhere": OUTAGE_ELSEWHERE,
    "don't know": DONT_KNOW,
    "all missing": ALL_MISSING,
    "all well": ALL_WELL,
    "hostile": HOSTILE,
}
