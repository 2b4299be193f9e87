"""More answers as they come in real life, so that with `sample_answers` there are ten."""

from __future__ import annotations

import dataclasses

from sre_bot.investigation import (
    FIRST_LOOK,
    Answer,
    CauseKind,
    Claim,
    Hypothesis,
    Link,
    MissingSource,
    Remediation,
    RemediationAction,
    Report,
    Seconds,
    Unverified,
    Usage,
)
from tests.render import sample_answers as samples
from tests.render.sample_answers import ERRORS, LATENCY, QUESTION, SHA, graph, look

FULL_POOL = Answer(
    QUESTION,
    "claude-sonnet-5-5",
    "a1b2c3d4e5f60718",
    Report(
        what=(
            Claim(
                "orders takes 4.2 s to answer (p95), before it were 180 ms, since 02:41:30 UTC (33 min ago).", ("E1",)
            ),
            Claim("All 20 connections of its pool have been in use since 02:41 UTC.", ("E2",)),
        ),
        impact=(Claim("Every second order waits longer than 3 s; none is lost.", ("E1",)),),
        hypotheses=(
            Hypothesis(
                Claim("The connection pool of orders is full: 20 of 20 in use since 02:41 UTC.", ("E2", "E3")),
                CauseKind.CAPACITY,
                0.66,
                "orders",
            ),
            Hypothesis(Claim("The database itself got slower.", ("E3",)), CauseKind.INFRASTRUCTURE, 0.41, "orders-db"),
        ),
        ruled_out=(Claim("A deploy: the last one of orders was 3 days before.", ("E4",)),),
        next_steps=(
            Claim("Raise the pool of orders to 40 connections, or restart one pod to see whether it drains.", ("E2",)),
            Claim("Look at the slow queries of orders-db since 02:40 UTC."),
            Claim("Ask the data team whether the nightly export moved: it began at 2026-11-22T02:40:00Z.", ("E3",)),
        ),
        remediation=Remediation(RemediationAction.SCALE, "orders"),
    ),
    (
        look(
            1,
            "query_metrics",
            "time to answer, p95: orders 180 ms → 4.2 s at 02:41:30",
            graph("p95"),
            charts=(LATENCY,),
        ),
        look(2, "query_metrics", "connections in use: orders 20 of 20 since 02:41:15", graph("pool")),
        look(3, "search_logs", "312 × “timed out waiting for a connection from the pool”, new since 02:41:20"),
        look(4, "list_changes", "no deploy of orders in the last day"),
    ),
    usage=Usage(4, 30_000, 1_800, 20_000, 6_000, 0.12),
    seconds=Seconds(0.3, 1.5, 27.2),
)

CERTIFICATE = Answer(
    dataclasses.replace(QUESTION, text="why can nobody log in?"),
    "claude-sonnet-5-5",
    "a1b2c3d4e5f60718",
    Report(
        what=(Claim("Every login fails since 03:00 UTC: identity answers none of its TLS handshakes.", ("E1",)),),
        hypotheses=(
            Hypothesis(
                Claim("The certificate of identity.internal ran out at 2026-11-22 03:00:00 UTC.", ("E1", "E2")),
                CauseKind.CERTIFICATE,
                0.91,
                "identity",
            ),
        ),
        next_steps=(Claim("Renew the certificate of identity as the runbook “Certificates” says.", ("E3",)),),
        remediation=Remediation(RemediationAction.ROTATE_CERT, "identity"),
    ),
    (
        look(
            1,
            "query_metrics",
            "share of requests that fail: identity 0 % → 100 % at 03:00:05",
            graph("e"),
            charts=(ERRORS,),
        ),
        look(2, "search_logs", "1,204 × “x509: certificate has expired”"),
        look(
            3,
            "search_docs",
            "runbook Certificates",
            Link("certificates.md", "https://git.example.com/docs/certificates.md"),
        ),
    ),
    seconds=Seconds(0.2, 1.0, 19.4),
)

TRAFFIC = Answer(
    QUESTION,
    FIRST_LOOK,
    None,
    Report(
        what=(Claim("storefront: requests per second 41 → 380 at 03:02:15 UTC, now 402.", ("E1",)),),
        hypotheses=(
            Hypothesis(
                Claim("A surge of traffic: nine times what it was, from one client.", ("E1",)), CauseKind.TRAFFIC, 0.55
            ),
        ),
        next_steps=(Claim("Limit the client at the edge, then look at who it is.", ("E1",)),),
        unknown=("Who the client is: requests carry no name.",),
        missing=(MissingSource("tempo", "no answer within 10 s"),),
    ),
    (look(1, "metrics", "requests per second: storefront 41 → 380 ▁▁▁▁▇█", graph("requests")),),
    seconds=Seconds(0.2, 1.3, 1.4),
    note="The model does not answer: I go on by myself as soon as it does, until 04:14 UTC (`quiet` ends that).",
)

_LONG = (
    "checkout fails three in ten requests since 03:02:15 UTC, all of them where it asks payments to charge a card. "
    "payments itself answers everything it is asked, but takes 1.9 s for it. That is longer than the 1.5 s for which "
    "checkout waits since commit 3f2a91c7d0, so that it gives up, tries once more, and gives up again. "
)

LONG_WINDED = Answer(
    QUESTION,
    "claude-opus-5-5",
    "a1b2c3d4e5f60718",
    dataclasses.replace(
        samples.BAD_DEPLOY.report,
        what=(Claim(3 * _LONG, ("E1", "E2", "E3")), Claim(2 * _LONG, ("E2",)), *(Claim(_LONG, ("E4",)),) * 12),
        hypotheses=(
            Hypothesis(Claim(3 * _LONG, ("E2", "E5")), CauseKind.CHANGE, 0.7, "checkout", SHA, explained=False),
            *(Hypothesis(Claim(_LONG, ("E3",)), CauseKind.CONFIG, 0.1, "payments"),) * 4,
        ),
        next_steps=(Claim(2 * _LONG),) * 9,
        unverified=(Unverified(_LONG, "E3 holds no such number"),) * 7,
    ),
    samples.BAD_DEPLOY.evidence,
    seconds=Seconds(0.4, 1.8, 88.0),
)

TEN = {
    **samples.ALL,
    "full pool": FULL_POOL,
    "certificate": CERTIFICATE,
    "traffic": TRAFFIC,
    "long-winded": LONG_WINDED,
}
"""The ten reports whose posts are kept as they are to look."""
