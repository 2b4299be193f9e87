"""What a workspace lacks is told with what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sre_bot.drills.slack_simulator import SCOPES as ALL_SCOPES
from sre_bot.drills.slack_simulator import SlackSimulator
from sre_bot.slack.admission import Rules
from sre_bot.slack.survey import SCOPES, lacking

if TYPE_CHECKING:
    from collections.abc import Sequence


async def lacks(slack: SlackSimulator, rules: Rules) -> Sequence[str]:
    return await lacking(slack.bot_token, slack.api_url, rules)


def test_what_is_needed_is_among_what_the_manifest_asks_for() -> None:
    assert set(SCOPES) <= set(ALL_SCOPES)


async def test_a_workspace_that_has_all_lacks_nothing(slack: SlackSimulator) -> None:
    ann, incidents = slack.workspace.user("ann"), slack.workspace.channel("incidents")
    group = slack.workspace.group("oncall", ann)
    rules = Rules(
        channels=frozenset({incidents.id, "incidents"}),
        users=frozenset({ann.id}),
        groups=frozenset({group.id, "oncall"}),
    )
    assert await lacks(slack, rules) == []
    assert "ok" in [call.outcome for call in slack.calls if call.method == "blocks.validate"]


async def test_names_that_are_none_are_told_with_those_that_are_close(slack: SlackSimulator) -> None:
    slack.workspace.channel("incidents")
    slack.workspace.group("oncall")
    rules = Rules(
        channels=frozenset({"incidens", "zzz"}), users=frozenset({"U9999"}), groups=frozenset({"on-call", "C1"})
    )
    assert await lacks(slack, rules) == [
        "slack.allowed_channels: there is no channel incidens; did you mean incidents?",
        "slack.allowed_channels: there is no channel zzz; a private one has to invite the bot first",
        "slack.allowed_groups: there is no user group C1; it has to be enabled",
        "slack.allowed_groups: there is no user group on-call; did you mean oncall?",
        "slack.allowed_users: there is no member U9999; open the profile, ⋮, Copy member ID",
    ]


async def test_scopes_that_are_missing_are_told_with_what_they_are_for() -> None:
    without = [one for one in ALL_SCOPES if one not in {"chat:write", "usergroups:read"}]
    async with SlackSimulator(scopes=without) as slack:
        scopes, names = await lacks(slack, Rules(groups=frozenset({"oncall"})))
    assert scopes.startswith("lacks chat:write (to answer), usergroups:read (to know who is in a user group): add them")
    assert names == "cannot see whether the names in the configuration are right: missing_scope"


async def test_a_workspace_that_does_not_know_our_blocks_is_told_and_one_without_the_check_is_not(
    slack: SlackSimulator,
) -> None:
    slack.faults.refuse("blocks.validate", "invalid_blocks")
    assert await lacks(slack, Rules()) == [
        "does not take all kinds of blocks of an answer yet: details will not be folded"
    ]
    slack.faults.refuse("blocks.validate", "unknown_method")
    assert await lacks(slack, Rules()) == []
