"""The change to blame is the one that fits in time, place, words and kind; and sometimes it is none."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sre_bot.incident import Change, ChangeKind
from sre_bot.signals.changes import NO_CHANGE, Failure, Verdict, judge_changes, rank_changes, span
from sre_bot.signals.file_kinds import is_harmless

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sre_bot.investigation import Suspect

ONSET = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
NOW = ONSET + timedelta(minutes=10)
GRAPH = {"web": frozenset({"checkout"}), "checkout": frozenset({"payment", "db"}), "search": frozenset({"index"})}


def ago(minutes: float) -> datetime:
    return ONSET - timedelta(minutes=minutes)


def deploy(revision: str, minutes: float, service: str = "checkout", *carries: str) -> Change:
    return Change(ChangeKind.DEPLOY, ago(minutes), f"deploy {service}", revision, service, carries=carries)


def commit(revision: str, minutes: float, title: str = "Work", *files: str) -> Change:
    return Change(ChangeKind.COMMIT, ago(minutes), title, revision, files=files)


def ranked(
    *changes: Change,
    onset: datetime | None = ONSET,
    failing: Sequence[str] = ("checkout",),
    words: frozenset[str] = frozenset(),
    no_change: float = NO_CHANGE,
    diffs: Mapping[str, str] | None = None,
) -> tuple[Suspect, ...]:
    return rank_changes(
        changes,
        onset=onset,
        failing=failing,
        dependencies=GRAPH,
        words=words,
        now=NOW,
        no_change=no_change,
        diffs=diffs,
    )


def order(*changes: Change, words: frozenset[str] = frozenset(), diffs: Mapping[str, str] | None = None) -> list[str]:
    return [s.change for s in ranked(*changes, words=words, diffs=diffs) if s.change is not None]


def verdicts(*changes: Change, **known: Any) -> dict[str, Verdict]:
    failure = replace(Failure(ONSET, ("checkout",), GRAPH, frozenset(), NOW, {}), **known)
    return {verdict.revision: verdict for verdict in judge_changes(changes, failure)}


def test_a_deploy_of_the_failing_service_just_before_the_onset_comes_first() -> None:
    best = ranked(deploy("a", 2), deploy("b", 240), deploy("c", 2, "search"))[0]
    assert best.change == "a"
    assert best.why == "deployed 11:58:00, 2 min before the onset; checkout is what fails"


def test_nearer_in_time_is_more_suspect_and_the_tail_is_long() -> None:
    assert order(deploy("old", 300), deploy("new", 5), deploy("middle", 60)) == ["new", "middle", "old"]
    assert ranked(deploy("old", 300))[1].score > 0.03


def test_nearer_to_what_fails_is_more_suspect() -> None:
    services = ["checkout", "payment", "web", "search"]
    assert order(*(deploy(service, 5, service) for service in reversed(services))) == services


def test_the_service_that_failed_first_is_more_suspect_than_those_dragged_down() -> None:
    changes = (deploy("victim", 5, "web"), deploy("origin", 5, "checkout"))
    assert ranked(*changes, failing=["checkout", "web"])[0].change == "origin"


def test_what_came_after_the_first_sign_of_trouble_is_less_suspect_than_what_came_before_it() -> None:
    changes = (deploy("before", 95), deploy("after", 5))
    found = verdicts(*changes, first_sign=ago(90))
    assert found["before"].score > 2 * found["after"].score
    assert "5 min before the first sign" in found["before"].why
    assert "85 min after the first sign" in found["after"].why
    assert "at the first sign" in verdicts(deploy("at", 89.8), first_sign=ago(90))["at"].why
    plain = verdicts(*changes)
    assert plain["after"].score > plain["before"].score


def test_a_caller_that_moved_before_anything_failed_is_more_suspect() -> None:
    caller = deploy("a", 95, "web")
    known = {"first_sign": ago(90), "moved": {"web": ago(91)}}
    assert verdicts(caller, **known)["a"].score > verdicts(caller, first_sign=ago(90))["a"].score
    assert "web calls what fails, and moved first" in verdicts(caller, **known)["a"].why
    stranger = {"first_sign": ago(90), "moved": {"search": ago(91)}}
    assert "moved first" not in verdicts(deploy("b", 95, "search"), **stranger)["b"].why


def test_a_service_that_nobody_is_known_to_call_counts_if_it_moved_no_later_or_is_spoken_of() -> None:
    """A job that starts, an issuer of tickets: metrics and traces do not tie them to what they break."""
    job = deploy("a", 5, "rollup")
    plain = verdicts(job)["a"].score
    along = verdicts(job, moved={"rollup": ONSET, "checkout": ONSET})["a"]
    late = verdicts(job, moved={"rollup": ONSET, "checkout": ago(1)})["a"]
    spoken = verdicts(job, texts=("the rollup is older than 3 days",))["a"]
    assert along.score > plain
    assert spoken.score > plain
    assert late.score == plain
    assert "what fails speaks of what rollup is for" in spoken.why


def test_a_time_that_is_over_as_it_begins_makes_up_for_the_delay() -> None:
    diffs = {"a": "-ttl: 9h\n+ttl: 40m"}
    known = verdicts(commit("a", 45), deploy("a", 40), diffs=diffs)["a"]
    other = verdicts(commit("a", 75), deploy("a", 70), diffs=diffs)["a"]
    assert "as long as the time of 40 min that it sets" in known.why
    assert known.score > 2 * other.score


def test_what_runs_at_another_time_breaks_things_later() -> None:
    changed = (commit("a", 95), deploy("a", 90))
    rescheduled = verdicts(*changed, diffs={"a": '-  at: "0 4 * * 1"\n+  at: "0 */2 * * *"'})["a"]
    plain = verdicts(*changed, diffs={"a": '-  at: "monday"\n+  at: "tuesday"'})["a"]
    assert rescheduled.score > plain.score


def test_a_commit_before_the_first_known_deploy_of_a_service_may_have_gone_out_with_it() -> None:
    """It counts if it is about what fails, whoever made the deploy; nothing is known of the others."""
    library = commit("shared", 20, "Update undici", "package.json")
    others = (commit("other", 22, "Paint it", "lib/paint.ts"), commit("head", 10, "Show a name", "views.ts"))
    changes = (library, *others, deploy("head", 5))
    failed = verdicts(*changes, texts=("SocketError at undici/client.js",))
    assert failed["shared"].change.service == "checkout"
    assert "it may have gone out with that deploy" in failed["shared"].why
    assert failed["shared"].score > 2 * verdicts(*changes)["shared"].score
    assert failed["shared"].score > 2 * failed["other"].score
    assert "no known deploy carries it" in failed["other"].why


def test_a_commit_before_a_later_deploy_did_not_go_out_with_it_unless_that_says_so() -> None:
    changes = (commit("old", 30, "Update undici"), commit("x", 60), deploy("x", 50), commit("y", 10), deploy("y", 5))
    assert verdicts(*changes, texts=("undici failed",))["old"].change.kind is ChangeKind.COMMIT


def test_a_diff_that_does_what_such_failures_come_from_beats_a_later_one_that_only_moves_code() -> None:
    diffs = {"risky": "-timeout: 5s\n+timeout: 50ms", "tidy": "-a = load(k)\n-show(a)\n+show(load(k))"}
    changes = (commit("risky", 40), deploy("risky", 30), commit("tidy", 5), deploy("tidy", 2))
    found = verdicts(*changes, texts=("context deadline exceeded",), diffs=diffs)
    assert found["risky"].score > found["tidy"].score
    assert "it sets another value (timeout: 5s → 50ms)" in found["risky"].why
    assert "by its diff it does the same as before" in found["tidy"].why


def test_a_caller_is_suspect_when_it_asks_more_of_what_fails_than_is_asked_of_it() -> None:
    caller = deploy("a", 5, "web")
    assert verdicts(caller, driven=frozenset({"checkout"}))["a"].score > 2 * verdicts(caller)["a"].score


def test_a_healthy_dependency_is_suspect_when_what_fails_complains_of_what_it_gets() -> None:
    dependency = deploy("a", 5, "payment")
    known = {"healthy": frozenset({"payment"})}
    plain = verdicts(dependency, texts=("deadline exceeded",), **known)["a"].score
    assert verdicts(dependency, texts=("amount must be positive, got 0",), **known)["a"].score > 2 * plain


def test_the_less_a_diff_can_break_the_less_it_is_suspect() -> None:
    diffs = {
        "sets": "-size = 20\n+size = 2",
        "rewrites": "-return raw\n+return raw / 100",
        "adds": "-show(label)\n+show(label, copies=2)",
        "same": "-show(label)\n+display(label)",
    }
    changes = [change for name in diffs for change in (commit(name, 9), deploy(name, 5))]
    found = verdicts(*changes, diffs=diffs)
    assert sorted(found, key=lambda name: -found[name].score) == list(diffs)
    assert found["same"].score <= NO_CHANGE


def test_what_is_told_of_a_diff_goes_with_the_name_or_the_value_that_is_told() -> None:
    found = verdicts(commit("a", 9), deploy("a", 5), diffs={"a": "-  mu.Lock()\n-  n++\n+  n++"})["a"]
    assert "it takes a check, a lock, a limit or a release away (without a lock)" in found.why


def test_a_small_bump_breaks_less_than_a_great_one() -> None:
    diffs = {"small": "-  libpq v1.4.2\n+  libpq v1.4.3", "great": "-  libpq v1.4.2\n+  libpq v2.0.0"}
    changes = [change for name in diffs for change in (commit(name, 9), deploy(name, 5))]
    found = verdicts(*changes, diffs=diffs)
    assert found["great"].score > found["small"].score


def test_a_missing_diff_proves_nothing_either_way() -> None:
    changes = (commit("a", 40), deploy("a", 5))
    texts = ("context deadline exceeded",)
    unknown = verdicts(*changes, texts=texts)["a"].score
    assert verdicts(*changes, texts=texts, diffs={"a": "-timeout: 5s\n+timeout: 50ms"})["a"].score > unknown
    assert verdicts(*changes, texts=texts, diffs={"a": "-b = a\n+b = (a)"})["a"].score < unknown


def test_where_nobody_knows_what_fails_every_place_is_as_good() -> None:
    found = verdicts(deploy("a", 5), deploy("b", 5, "search"), failing=())
    assert found["a"].score == found["b"].score > 0


def test_looks_and_other_environments_break_little() -> None:
    files = {"look": "web/cart.css", "else": "deploy/staging/values.yaml", "own": "src/cart.py"}
    changes = [change for name, file in files.items() for change in (commit(name, 9, "Work", file), deploy(name, 5))]
    found = verdicts(*changes)
    assert found["look"].score < found["else"].score < found["own"].score


def test_configuration_of_the_cluster_may_be_applied_without_a_deploy_on_record() -> None:
    other = deploy("x", 600, "search")
    code = verdicts(commit("a", 5, "Work", "src/quota.py"), other)["a"]
    applied = verdicts(commit("a", 5, "Work", "k8s/quota.yaml"), other)["a"]
    assert applied.score > code.score


def test_a_deploy_after_the_onset_is_innocent_and_says_why() -> None:
    assert [s.change for s in ranked(deploy("late", -5))] == [None]
    late = verdicts(deploy("late", -5))["late"]
    assert late.score == 0
    assert late.reasons[0] == "deployed 12:05:00, 5 min after the onset"


def test_a_deploy_recorded_moments_after_the_onset_may_still_have_come_before_it() -> None:
    assert ranked(deploy("close", -0.3))[0].change == "close"


def test_what_happens_after_now_is_not_known_yet() -> None:
    assert verdicts(deploy("future", -20)) == {}


def test_a_commit_counts_from_when_it_was_deployed_not_from_when_it_was_written() -> None:
    changes = (commit("a", 2_000), deploy("a", 3), commit("b", 4), deploy("b", -5))
    assert [s.change for s in ranked(*changes)] == ["a", None]


def test_a_commit_carried_by_a_deploy_is_a_suspect_of_its_own() -> None:
    changes = (commit("a", 50, "Retry the pool"), commit("b", 40, "Say hello"), deploy("b", 3, "checkout", "b", "a"))
    assert order(*changes, words=frozenset({"db_pool_size"})) == ["a", "b"]


def test_a_commit_that_no_deploy_carries_is_less_suspect_where_deploys_are_known() -> None:
    alone = ranked(commit("a", 5, "Work", "checkout/main.py"))[0]
    beside = ranked(commit("a", 5, "Work", "checkout/main.py"), deploy("b", 600, "search"))
    assert next(s.score for s in beside if s.change == "a") < alone.score


def test_shared_words_point_at_the_commit_among_several_of_one_deploy() -> None:
    changes = (
        commit("a", 60, "Bump the log library", "checkout/log.py"),
        commit("b", 50, "Shrink connection pools", "checkout/db.py"),
        commit("c", 40, "Rename a constant", "checkout/version.py"),
        deploy("c", 3, "checkout", "c", "b", "a"),
    )
    found = ranked(*changes, words=frozenset({"DbPoolExhausted", "db_pool_connections_in_use"}))
    assert found[0].change == "b"
    assert "it is about what fails (connection, pool)" in found[0].why


def test_words_only_in_the_diff_count_as_well_but_less() -> None:
    diffs = {"b": "@@ -1 +1 @@\n-POOL_SIZE = 20\n+POOL_SIZE = 2"}
    changes = (commit("a", 60), commit("b", 50), deploy("b", 3, "checkout", "b", "a"))
    assert order(*changes, words=frozenset({"db_pool_wait_seconds"}), diffs=diffs)[0] == "b"


def test_a_word_of_every_commit_singles_none_out() -> None:
    commits = (commit("a", 9, "pool a"), commit("b", 8, "pool b"), commit("c", 7, "pool c"))
    changes = (*commits, deploy("x", 3, "checkout", "c", "b", "a"))
    first, second = (s.score for s in ranked(*changes, words=frozenset({"pool_size"}))[:2])
    assert first == pytest.approx(second)


def test_a_commit_that_touches_another_services_files_is_less_suspect_than_one_of_the_service() -> None:
    changes = (
        commit("other", 9, "Work", "services/search/main.py"),
        commit("own", 9, "Work", "services/checkout/main.py"),
        deploy("own", 3, "checkout", "own", "other"),
    )
    assert order(*changes) == ["own", "other"]
    assert "touches files of search" in verdicts(*changes)["other"].why


def test_without_a_known_onset_nothing_is_excluded_and_nothing_is_sure() -> None:
    sure, unsure = ranked(deploy("a", 2))[0], ranked(deploy("a", 2), onset=None)
    assert next(s.score for s in unsure if s.change == "a") < sure.score / 1.5


def test_no_change_is_to_blame_when_the_last_one_was_long_ago() -> None:
    assert ranked(deploy("a", 24 * 60))[0].change is None
    assert ranked()[0].change is None


def test_evidence_of_another_cause_beats_a_change_that_fits() -> None:
    assert ranked(deploy("a", 5), no_change=NO_CHANGE)[0].change == "a"
    assert ranked(deploy("a", 5), no_change=0.8)[0].change is None


def test_documentation_tests_and_comments_are_innocent_however_near() -> None:
    changes = (commit("docs", 3, "Explain", "docs/checkout.md"), deploy("docs", 2))
    assert ranked(*changes)[0].change is None
    assert "only documentation" in verdicts(*changes)["docs"].why


@pytest.mark.parametrize(
    ("files", "diff", "harmless"),
    [
        (["docs/pool.md", "README.md"], None, True),
        (["tests/test_pool.py", "pkg/pool_test.go", "src/pool.spec.ts", ".github/workflows/ci.yml"], None, True),
        (["docs/pool.md", "src/pool.py"], None, False),
        (["requirements.txt"], None, False),
        (["config/production.yaml"], None, False),
        ([], None, False),
        (["src/pool.py"], "--- a\n+++ b\n@@\n-# old words\n+# new words\n+\n context = 1", True),
        (["src/pool.py"], "@@\n-size = 20\n+size = 2", False),
    ],
)
def test_what_is_harmless(files: list[str], diff: str | None, harmless: bool) -> None:  # noqa: FBT001 -- a table's column
    assert is_harmless(files, diff) is harmless


def test_each_revision_is_one_suspect_even_when_deployed_to_several_services() -> None:
    changes = (commit("a", 9), deploy("a", 5, "search"), deploy("a", 4, "checkout"), deploy("a", 3, "web"))
    found = [s for s in ranked(*changes) if s.change == "a"]
    assert len(found) == 1
    assert "checkout is what fails" in found[0].why


times = st.floats(-20, 2_000)
some_changes = st.lists(
    st.one_of(
        st.builds(deploy, st.sampled_from("abcdef"), times, st.sampled_from(["checkout", "payment", "search"])),
        st.builds(commit, st.sampled_from("abcdef"), times, st.text(max_size=20), st.text(max_size=20)),
    ),
    max_size=12,
)


@given(some_changes, st.sets(st.text(max_size=20), max_size=4))
def test_scores_are_shares_best_first_one_a_revision_and_no_change_once(changes: list[Change], words: set[str]) -> None:
    found = ranked(*changes, words=frozenset(words))
    scores = [suspect.score for suspect in found]
    assert scores == sorted(scores, reverse=True)
    assert all(0 < score <= 1 for score in scores)
    assert len({suspect.change for suspect in found}) == len(found)
    assert sum(suspect.change is None for suspect in found) == 1


@given(some_changes, st.permutations(range(12)))
def test_the_order_in_which_changes_are_told_makes_no_difference(changes: list[Change], places: list[int]) -> None:
    unique = list({(c.kind, c.revision): c for c in changes}.values())
    shuffled = [unique[i] for i in places if i < len(unique)]
    assert {(s.change, s.score) for s in ranked(*unique)} == {(s.change, s.score) for s in ranked(*shuffled)}


def test_a_length_of_time_is_said_in_the_unit_that_fits() -> None:
    told = [span(timedelta(seconds=s)) for s in (40, 100, 720, 3 * 3600 + 1800, 2 * 86400)]
    assert told == ["40 s", "1.7 min", "12 min", "3.5 h", "2 days"]
