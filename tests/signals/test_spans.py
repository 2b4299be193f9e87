"""A trace as a tree: the deepest failure, self times, and how bad traces differ from healthy ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from sre_bot.incident import Span
from sre_bot.signals.spans import TraceTree, by_service, differences

AT = datetime(2026, 11, 20, 12, 0, 0, 500, tzinfo=UTC)


def span(
    id_: str, parent: str | None, start: float, ms: float, *, service: str = "", failed: bool = False, name: str = ""
) -> Span:
    """A span that starts so many ms after the trace does."""
    begun, lasts = AT + timedelta(milliseconds=start), timedelta(milliseconds=ms)
    return Span("t", id_, parent, service or id_, name or id_, begun, lasts, failed)


def ms(duration: timedelta) -> float:
    return duration / timedelta(milliseconds=1)


def test_the_deepest_failure_is_below_all_others() -> None:
    tree = TraceTree(
        [
            span("web", None, 0, 100, failed=True),
            span("cart", "web", 0, 90, failed=True),
            span("mail", "web", 5, 10, failed=True),
            span("db", "cart", 10, 50, failed=True),
            span("disk", "db", 10, 40),
        ]
    )
    deepest = tree.deepest_failure()
    assert deepest is not None
    assert deepest.span_id == "db"
    assert [one.span_id for one in tree.path(deepest)] == ["web", "cart", "db"]


def test_of_failures_equally_deep_the_first_counts_and_without_any_none() -> None:
    tree = TraceTree(
        [span("web", None, 0, 100), span("b", "web", 20, 10, failed=True), span("a", "web", 10, 10, failed=True)]
    )
    deepest = tree.deepest_failure()
    assert deepest is not None
    assert deepest.span_id == "a"
    assert TraceTree([span("web", None, 0, 100)]).deepest_failure() is None


def test_self_time_leaves_out_children_counting_what_overlaps_once_and_nothing_outside() -> None:
    tree = TraceTree(
        [
            span("web", None, 0, 100),
            span("a", "web", 10, 30),
            span("b", "web", 20, 30),
            span("late", "web", 90, 500),
        ]
    )
    assert ms(tree.self_time(tree.spans["web"])) == 50
    assert [(name, ms(spent)) for name, spent in by_service(tree.steps())][:2] == [("late", 500), ("web", 50)]


def test_with_a_clock_of_whole_seconds_children_count_one_after_another() -> None:
    second = AT.replace(microsecond=0)
    parts = [Span("t", f"c{n}", "r", "db", "get", second, timedelta(milliseconds=80)) for n in range(10)]
    tree = TraceTree([Span("t", "r", None, "web", "/", second, timedelta(seconds=1)), *parts])
    assert ms(tree.self_time(tree.spans["r"])) == 200


def test_differences_tell_longer_more_missing_and_additional_operations() -> None:
    bad = [
        TraceTree(
            [
                span("web", None, 0, 500),
                *(span(f"q{n}", "web", n * 10, 10, service="db", name="get") for n in range(40)),
            ]
        )
    ]
    good = [
        TraceTree(
            [span("web", None, 0, 50), span("q", "web", 0, 10, service="db", name="get"), span("pay", "web", 20, 5)]
        ),
        TraceTree(
            [span("web", None, 0, 50), span("q", "web", 0, 10, service="db", name="get"), span("pay", "web", 20, 5)]
        ),
    ]
    told = {(one.service, one.name): one for one in differences(bad, good)}
    assert (told["db", "get"].calls, told["db", "get"].healthy_calls, ms(told["db", "get"].extra)) == (40, 1, 390)
    assert (told["pay", "pay"].calls, told["pay", "pay"].healthy_calls) == (0, 1)


def test_a_span_whose_parent_is_unknown_is_a_root_and_the_longest_root_is_the_traces() -> None:
    tree = TraceTree([span("orphan", "gone", 0, 300), span("web", None, 0, 10)])
    assert tree.root is not None
    assert tree.root.span_id == "orphan"


_IDS = st.sampled_from("abcdef")


@given(st.lists(st.builds(span, _IDS, st.none() | _IDS, st.integers(0, 50), st.integers(0, 50), failed=st.booleans())))
def test_circles_repeats_and_orphans_do_no_harm(spans: list[Span]) -> None:
    tree = TraceTree(spans)
    deepest = tree.deepest_failure()
    assert deepest is None or deepest.failed
    assert all(timedelta() <= tree.self_time(one) <= one.duration for one in tree.spans.values())
    assert all(tree.path(one)[-1] == one for one in tree.spans.values())
