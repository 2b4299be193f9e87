"""Which environment a question is about, and what belongs to it."""

from __future__ import annotations

import pytest

from sre_bot.first_look.environments import Focus, Narrowed, narrowed, said_in
from sre_bot.incident import Alert
from sre_bot.investigation import Question, Scope
from tests.first_look.scenes import AT


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("what is going on?", ()),
        ("is staging down?", ("staging",)),
        ("errors in prod", ("production",)),
        ("Is it slow in the Live environment?", ("production",)),
        ("errors in blue since noon", ("blue",)),
        ("the blue button is gone", ()),
        ("the live stream, the test suite and dev work", ()),
        ("errors in test", ("test",)),
        ("prod is fine, staging is not", ("production", "staging")),
        ("prod and production", ("production",)),
        ("the staging-db is slow", ()),
        ("see staging.example.com and api.prod", ()),
    ],
)
def test_the_environments_that_words_name(question: str, said: tuple[str, ...]) -> None:
    """Of words that also mean something else, only those after "in" or "on" count."""
    assert said_in(question, ["production", "blue"]) == said


@pytest.mark.parametrize(
    ("text", "focus"),
    [
        ("what is going on?", Focus("payments", "production")),
        ("what is going on in staging?", Focus("payments", "staging", said=True)),
        ("prod or staging?", Focus("payments", None, said=True)),
    ],
)
def test_words_win_over_the_channel(text: str, focus: Focus) -> None:
    assert Focus.of(Question(text, AT, scope=Scope("payments", "production")), ["production"]) == focus


def test_what_does_not_say_where_it_is_may_be_anywhere() -> None:
    focus = Focus(environment="prod")
    assert [focus.has(one) for one in ("Production", "staging", "", None)] == [True, False, True, True]
    assert Focus().has("staging")


def test_label_sets_are_narrowed_by_the_first_label_that_tells() -> None:
    ours, everywhere = {"service": "web", "env": "prod"}, {"service": "probe"}
    other = {"service": "web", "env": "staging", "stage": "prod"}
    assert narrowed([ours, other, everywhere], "production") == Narrowed(
        [ours, everywhere], ('env=~"|prod"',), ("prod", "staging"), found=True
    )
    assert narrowed([ours, everywhere], "production").matchers == (), "there is nothing to leave out"


def test_an_environment_that_is_not_there_leaves_everything_and_tells_what_there_is() -> None:
    sets = [{"env": "prod"}, {"env": "dev"}]
    assert narrowed(sets, "staging") == Narrowed(sets, there=("dev", "prod"))
    assert narrowed([{"service": "web"}], "staging") == Narrowed([{"service": "web"}])


def test_values_are_taken_word_by_word() -> None:
    assert narrowed([{"env": "eu.1"}, {"env": "eux1"}], "eu.1").matchers == ('env=~"|eu\\\\.1"',)


def test_alerts_tell_their_environment_by_label() -> None:
    assert Alert("A", {"env": "prod", "stage": "x"}, {}, AT).environment == "prod"
    assert Alert("A", {}, {}, AT).environment is None
