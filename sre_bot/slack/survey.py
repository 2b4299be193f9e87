"""What a workspace lacks of what we need: scopes, names that the configuration uses, kinds of blocks. For ``check``."""

from __future__ import annotations

import difflib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from slack_sdk.errors import SlackApiError

from sre_bot.investigation import Answer, Claim, Evidence, Observation, Question, Report
from sre_bot.slack.blocks import answer_post
from sre_bot.slack.client import web_client
from sre_bot.slack.trouble import TROUBLE, code_of, reason_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from sre_bot.slack.admission import Rules
    from sre_bot.slack.client import SlackClient

SCOPES: Mapping[str, str] = {
    "app_mentions:read": "hear that it was asked",
    "chat:write": "answer",
    "channels:history": "read threads",
    "channels:read": "know channels by name",
    "commands": "answer the slash command",
    "groups:history": "read threads in private channels",
    "groups:read": "know private channels by name",
    "im:history": "hear direct messages",
    "users:read": "tell members from guests",
    "usergroups:read": "know who is in a user group",
}
"""What the bot asks of a workspace, and what for."""
_MOST_PAGES = 50


async def lacking(token: str, api_url: str, rules: Rules) -> Sequence[str]:
    """One sentence, with what to do, for each thing that a workspace lacks."""
    client = web_client(token, api_url)
    found = [await _scopes(client), await _blocks(client)]
    for look in (_channels, _groups, _users):
        try:
            found += await look(client, rules)
        except TROUBLE as error:
            found.append(f"cannot see whether the names in the configuration are right: {reason_of(error)}")
    return [one for one in dict.fromkeys(found) if one]


async def _scopes(client: SlackClient) -> str:
    answer = await client.auth_test()
    told = next((value for name, value in answer.headers.items() if name.lower() == "x-oauth-scopes"), None)
    if told is None:  # something between Slack and us, or an emulator
        return ""
    granted = {one.strip() for one in told.split(",")}
    missing = [f"{scope} (to {what})" for scope, what in SCOPES.items() if scope not in granted]
    if not missing:
        return ""
    return f"lacks {', '.join(missing)}: add them to the app, as in docs/slack-manifest.yaml, and install it again"


async def _blocks(client: SlackClient) -> str:
    """Whether an answer's blocks are taken; a workspace that does not know some gets plainer ones."""
    post = answer_post(_sample(), allowed_hosts=frozenset())
    try:
        await client.api_call("blocks.validate", json={"blocks": post.blocks})
    except SlackApiError as error:
        if code_of(error).startswith("invalid_blocks"):
            return "does not take all kinds of blocks of an answer yet: details will not be folded"
    except TROUBLE:
        return ""  # it is a courtesy: an older workspace has no such method
    return ""


def _sample() -> Answer:
    """An answer with all that one may have on its first screen and in its details."""
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    claim = Claim("checkout fails.", ("E1",))
    evidence = Evidence("E1", "query_metrics", {"query": "up"}, Observation("up is 0", "up is 0"))
    report = Report((claim,), (claim,), ruled_out=(claim,), next_steps=(claim,), unknown=("Why.",))
    return Answer(Question("why?", moment), "sample", None, report, (evidence,))


async def _channels(client: SlackClient, rules: Rules) -> list[str]:
    if not rules.channels:
        return []
    known: dict[str, str] = {}
    cursor = ""
    for _ in range(_MOST_PAGES):
        page = await client.conversations_list(
            types="public_channel,private_channel", exclude_archived=True, limit=1000, cursor=cursor or None
        )
        known |= {str(one["name"]): str(one["id"]) for one in page["channels"]}
        cursor = str((page.get("response_metadata") or {}).get("next_cursor") or "")
        if not cursor:
            break
    why = "a private one has to invite the bot first"
    return [*_unknown("slack.allowed_channels", "channel", rules.channels, known, why)]


async def _groups(client: SlackClient, rules: Rules) -> list[str]:
    if not rules.groups:
        return []
    answer = await client.usergroups_list()
    known = {str(one["handle"]): str(one["id"]) for one in answer["usergroups"]}
    return [*_unknown("slack.allowed_groups", "user group", rules.groups, known, "it has to be enabled")]


async def _users(client: SlackClient, rules: Rules) -> list[str]:
    found = []
    for user in sorted(rules.users):
        try:
            await client.users_info(user=user)
        except SlackApiError as error:
            if code_of(error) not in {"user_not_found", "user_not_visible"}:
                raise
            found.append(f"slack.allowed_users: there is no member {user}; open the profile, ⋮, Copy member ID")
    return found


def _unknown(key: str, kind: str, named: Collection[str], known: Mapping[str, str], else_why: str) -> Iterator[str]:
    """What is neither a name nor an id of what is known."""
    for name in sorted(set(named) - known.keys() - set(known.values())):
        close = difflib.get_close_matches(name, known, n=1)
        yield f"{key}: there is no {kind} {name}; {f'did you mean {close[0]}?' if close else else_why}"
