"""What an answer changed against the one before it: new, strengthened, weakened, ruled out; nothing else."""

from __future__ import annotations

from datetime import UTC, datetime

from sre_bot.investigation import Answer, CauseKind, Claim, Hypothesis, Question, Report
from sre_bot.render.shifts import ShiftKind, shift_line, shifts

SHA = "4f1c2d3e4f5a6b7c8d9e0f1a2b3c4d5e6f708192"
OTHER = "aaaaaaaaaaaa6b7c8d9e0f1a2b3c4d5e6f708192"


def answer(*hypotheses: Hypothesis, ruled_out: tuple[str, ...] = ()) -> Answer:
    report = Report(what=(), hypotheses=hypotheses, ruled_out=tuple(map(Claim, ruled_out)))
    return Answer(Question("why?", datetime(2026, 11, 22, 3, tzinfo=UTC)), "claude-test", None, report, ())


def blames(change: str | None, confidence: float, service: str = "checkout") -> Hypothesis:
    kind = CauseKind.CHANGE if change else CauseKind.CAPACITY
    return Hypothesis(Claim(f"{service} did it"), kind, confidence, service, change)


def told(before: Answer, after: Answer) -> list[tuple[ShiftKind, str | None]]:
    return [(one.kind, one.hypothesis.service) for one in shifts(before, after)]


def test_the_same_commit_is_the_same_hypothesis_whatever_is_said_of_it() -> None:
    renamed = Hypothesis(Claim("the deploy"), CauseKind.CONFIG, 0.68, "web", SHA[:10])
    [shift] = shifts(answer(blames(SHA, 0.41)), answer(renamed))
    assert (shift.kind, shift.before, shift.after) == (ShiftKind.STRENGTHENED, 0.41, 0.68)
    assert shift_line(shift) == "strengthened, 41\N{NO-BREAK SPACE}% → 68\N{NO-BREAK SPACE}%"


def test_without_a_commit_kind_and_service_tell() -> None:
    before, after = answer(blames(None, 0.6)), answer(blames(None, 0.3), blames(None, 0.2, "web"))
    assert told(before, after) == [(ShiftKind.NEW, "web"), (ShiftKind.WEAKENED, "checkout")]


def test_a_confidence_that_hardly_differs_is_no_shift() -> None:
    assert shifts(answer(blames(SHA, 0.60)), answer(blames(SHA, 0.64))) == ()
    assert told(answer(blames(SHA, 0.60)), answer(blames(SHA, 0.65))) == [(ShiftKind.STRENGTHENED, "checkout")]


def test_ruled_out_is_what_the_later_answer_says_is() -> None:
    before = answer(blames(SHA, 0.6), blames(None, 0.3, "web"), blames(None, 0.2, "cart"))
    after = answer(
        blames(OTHER, 0.7, "db"), ruled_out=(f"Deploy {SHA[:10]} came later.", "web-admin and web are well.")
    )
    assert told(before, after) == [
        (ShiftKind.RULED_OUT, "checkout"),
        (ShiftKind.RULED_OUT, "web"),
        (ShiftKind.NEW, "db"),
    ]
    assert shift_line(shifts(before, after)[0]) == "ruled out, was 60\N{NO-BREAK SPACE}%"


def test_what_is_merely_not_told_again_was_not_asked_for() -> None:
    assert told(answer(blames(SHA, 0.6)), answer(blames(OTHER, 0.6, "db"))) == [(ShiftKind.NEW, "db")]
    assert shifts(answer(blames(None, 0.6, "web")), answer(ruled_out=("web-admin is well.",))) == ()


def test_what_is_still_held_is_not_ruled_out() -> None:
    assert shifts(answer(blames(SHA, 0.6)), answer(blames(SHA, 0.6), ruled_out=(f"{SHA} alone",))) == ()


def test_it_is_the_same_each_time() -> None:
    before, after = answer(blames(SHA, 0.6), blames(None, 0.2)), answer(blames(None, 0.5), blames(OTHER, 0.1))
    assert shifts(before, after) == shifts(before, after)
    assert shifts(before, before) == ()
