"""What the first look, which is code, says of its evidence holds: its report passes untouched."""

from __future__ import annotations

from sre_bot.agent.verify import verify
from sre_bot.investigation import CauseKind, Claim, Hypothesis, Remediation, RemediationAction, Report
from tests.agent.golden_claims import scenes

DEPLOYED = "d2d837527ef3d82fcffa452e0fc051e8346c9aa2"
POOL = Report(
    what=(
        Claim("checkout: share of requests that fail 0 % → 29.2 % at 15:47:35 (21 s ago), now 29.2 %.", ("E2",)),
        Claim("checkout: time to answer, p95 490 ms → 1.48 s at 15:47:32 (24 s ago), now 1.47 s.", ("E3",)),
        Claim("inventory: share of requests that fail 0 % → 32.8 % at 15:47:33 (23 s ago), now 31.1 %.", ("E2",)),
        Claim("inventory: time to answer, p95 236 ms → 1.47 s at 15:47:31 (25 s ago), now 1.47 s.", ("E3",)),
        Claim(
            "Firing: BrowseErrorRateHigh (web), CheckoutErrorRateHigh (checkout), CheckoutLatencyHigh (checkout).",
            ("E1",),
        ),
    ),
    impact=(
        Claim("Also worse: web.", ("E2", "E3")),
        Claim("Requests to checkout: flat, 6/s now.", ("E4",)),
    ),
    hypotheses=(
        Hypothesis(
            Claim(
                "Deploy of inventory d2d837527e “inventory: fit the pool to the shared stock-db (#45)” by Tomasz "
                "Wrona: deployed 15:47:29, 2 s before the onset; inventory fails first; it is about what fails "
                "(pool, connection).",
                ("E2", "E3", "E5", "E6", "E7"),
            ),
            CauseKind.CONFIG,
            0.49,
            "inventory",
            DEPLOYED,
        ),
    ),
    ruled_out=(
        Claim(
            "Deploy of payments 9f5d8ee6e9 “payments: count charges by currency (#42)” by Marcus Oyelaran: deployed "
            "15:47:33, 2 s after the onset; payments is called by what fails, but does as it did before; it is about "
            "what fails (client).",
            ("E7",),
        ),
        Claim(
            "Deploy of checkout 4ac0050324 “inventory: raise the pool to 12 connections (#35)” by Tomasz Wrona: fits "
            "less: deployed 15:47:24, 7 s before the onset; checkout fails as well, but it touches files of inventory; "
            "it is about what fails (connection, pool).",
            ("E7",),
        ),
        Claim("A surge of traffic: requests did not grow before it began.", ("E4",)),
    ),
    next_steps=(
        Claim("Roll back inventory from d2d837527e, then watch its errors.", ("E7",)),
        Claim("Runbook of CheckoutErrorRateHigh: https://git.larder.example/shop/blob/main/docs/a.md", ("E1",)),
    ),
    remediation=Remediation(RemediationAction.ROLLBACK, "inventory"),
)
"""What a first look said in a drill, word by word."""


def test_a_report_of_the_first_look_passes_untouched() -> None:
    scene = scenes()["pool"]
    assert verify(POOL, scene.evidence, scene.asked_at) == POOL


def test_it_does_not_pass_on_the_evidence_of_another_incident() -> None:
    scene = scenes()["processor"]
    held = verify(POOL, scene.evidence, scene.asked_at)
    assert held.hypotheses == ()
    assert len(held.what) + len(held.impact) <= 2
