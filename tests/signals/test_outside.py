"""Programs say who failed them: certificates, names, third parties, machines, quotas, nonsense that comes in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sre_bot.investigation import CauseKind, RemediationAction
from sre_bot.signals.outside import SAME_RECORD, THIRD_PARTY, Heard, Outside, outside_causes, told_by_gauge


def heard(text: str, service: str = "checkout", count: int = 20) -> Heard:
    return Heard((service,), text, text, count)


def is_ours(host: str) -> bool:
    return host.endswith("shop.example.com")


def best(*said: Heard) -> Outside | None:
    return next(iter(outside_causes(said, is_ours)), None)


@pytest.mark.parametrize(
    ("text", "kind", "action"),
    [
        ("x509: certificate has expired or is not yet valid", CauseKind.CERTIFICATE, RemediationAction.ROTATE_CERT),
        ("the API key has expired", CauseKind.CERTIFICATE, RemediationAction.ROTATE_CERT),
        (
            "getaddrinfo ENOTFOUND ledger.internal",
            CauseKind.EXTERNAL_DEPENDENCY,
            RemediationAction.ESCALATE_UPSTREAM,
        ),
        (
            "POST https://api.carrier.com/v1: 503 Service Unavailable",
            CauseKind.EXTERNAL_DEPENDENCY,
            RemediationAction.ESCALATE_UPSTREAM,
        ),
        (
            "their status page reports a major incident",
            CauseKind.EXTERNAL_DEPENDENCY,
            RemediationAction.ESCALATE_UPSTREAM,
        ),
        (
            "POST https://rates.partner.example/v2: 503",
            CauseKind.EXTERNAL_DEPENDENCY,
            RemediationAction.ESCALATE_UPSTREAM,
        ),
        ("instance i-07 will be terminated in 120 s", CauseKind.INFRASTRUCTURE, RemediationAction.RESCHEDULE),
        ("task sync:88 blocked for more than 120 seconds", CauseKind.INFRASTRUCTURE, RemediationAction.RESCHEDULE),
        ("cpu steal of 41 % on this host", CauseKind.CAPACITY, RemediationAction.RESCHEDULE),
        ("node ip-10-0-3-7 is NotReady", CauseKind.INFRASTRUCTURE, RemediationAction.RESCHEDULE),
        ("kernel: EXT4-fs error on nvme1n1", CauseKind.INFRASTRUCTURE, RemediationAction.RESCHEDULE),
        ("dial tcp 10.2.0.1:5432: no route to host", CauseKind.INFRASTRUCTURE, RemediationAction.FAILOVER),
        ("replica in zone b is unreachable", CauseKind.INFRASTRUCTURE, RemediationAction.FAILOVER),
        ("token used before issued: clock skew of 97 s", CauseKind.INFRASTRUCTURE, RemediationAction.RESTART),
        ("malformed record in the feed", CauseKind.BAD_DATA, RemediationAction.PURGE_BAD_DATA),
        ("quota for address lookups exceeded", CauseKind.CAPACITY, RemediationAction.SCALE),
        ("write: no space left on device", CauseKind.CAPACITY, RemediationAction.SCALE),
    ],
)
def test_what_programs_say_tells_the_sort_of_cause(text: str, kind: CauseKind, action: RemediationAction) -> None:
    found = best(heard(text))
    assert found is not None
    assert (found.kind, found.action) == (kind, action)
    assert found.example == text


@pytest.mark.parametrize(
    "text",
    [
        "panic: nil pointer dereference at github.com/acme/shop/cart.go:17, connection reset",
        "java.net.SocketTimeoutException: timed out",
        "upstream api.shop.example.com timed out",
        "fetched https://api.carrier.com/v1 in 20 ms",
        "invalid quantity: 0",
        "deadline exceeded",
    ],
)
def test_faults_of_our_own_speak_of_nobody_else(text: str) -> None:
    assert best(heard(text)) is None


def test_more_services_that_cannot_resolve_names_are_better_evidence() -> None:
    one = best(heard("no such host"))
    two = best(heard("no such host"), heard("NXDOMAIN", "mail"))
    assert one is not None
    assert two is not None
    assert two.score > one.score
    assert two.why == "names do not resolve, as checkout, mail log"


def test_a_cause_that_few_of_the_bad_lines_speak_of_is_worse_evidence() -> None:
    alone, among = best(heard("no such host")), best(heard("no such host", count=1), heard("boom", count=99))
    assert alone is not None
    assert among is not None
    assert among.score < alone.score


def test_a_third_party_that_few_lines_speak_of_is_worse_evidence() -> None:
    told = best(heard("api.carrier.com: 503", count=1), heard("boom", count=99))
    assert told is not None
    assert 0 < told.score < THIRD_PARTY


def test_a_third_party_that_answers_that_it_failed_is_better_evidence_than_one_that_does_not_answer() -> None:
    answered = best(heard("GET https://tiles.example.org/4: 503 Service Unavailable"))
    silent = best(heard("GET https://tiles.example.org/4: timed out"))
    refused = best(heard("GET https://tiles.example.org/4: 429 Too Many Requests"))
    assert answered is not None
    assert silent is not None
    assert refused is not None
    assert answered.score > silent.score == refused.score == THIRD_PARTY


def test_one_record_that_is_refused_again_and_again_cannot_be_digested() -> None:
    found = best(heard("invalid value in record_id=evt-77120 of partition 3"))
    assert found is not None
    assert (found.score, found.kind) == (SAME_RECORD, CauseKind.BAD_DATA)
    assert found.why == "the same record (evt-77120) is refused 20 times"


def test_a_record_is_not_the_same_when_its_name_varies_or_when_it_was_refused_once() -> None:
    varied = Heard(("checkout",), "invalid value in record_id=<*>", "invalid value in record_id=evt-77120", 20)
    assert best(varied) is None
    assert best(heard("invalid value in record_id=evt-77120", count=1)) is None


def test_lines_of_nobody_in_particular_count_as_well() -> None:
    found = best(Heard((), "no such host", "no such host", 9))
    assert found is not None
    assert "someone" in found.why


@given(st.lists(st.builds(heard, st.text(max_size=80), st.sampled_from("abc"), st.integers(1, 99)), max_size=6))
def test_scores_are_shares_best_first_whatever_is_said(said: list[Heard]) -> None:
    scores = [cause.score for cause in outside_causes(said, is_ours)]
    assert scores == sorted(scores, reverse=True)
    assert all(0 < score <= 1 for score in scores)


@pytest.mark.parametrize(
    ("metric", "action"),
    [
        ("node_timex_offset_seconds", RemediationAction.RESTART),
        ("nodes_ready", RemediationAction.RESCHEDULE),
        ("cpu_steal_ratio", RemediationAction.RESCHEDULE),
        ("volume_queue_length", RemediationAction.RESCHEDULE),
        ("packet_loss_ratio", RemediationAction.FAILOVER),
    ],
)
def test_a_gauge_of_the_ground_tells_of_a_cause_that_is_no_change(metric: str, action: RemediationAction) -> None:
    told = told_by_gauge(metric, "checkout")
    assert told is not None
    assert told.action is action
    assert f"{metric} of checkout" in told.why


@pytest.mark.parametrize("metric", ["queue_length", "heap_bytes", "disk_used_ratio", "http_errors_ratio"])
def test_a_gauge_of_what_programs_do_tells_of_none(metric: str) -> None:
    assert told_by_gauge(metric, "checkout") is None
