"""A Slack that a real Bolt app and a real Web API client cannot tell from the real one, as far as sre-bot goes.

::

    async with SlackSimulator() as slack:
        ann, incidents = slack.workspace.user("ann"), slack.workspace.channel("incidents")
        ...  # start the bot with slack.bot_token, slack.app_token and slack.api_url
        ts = await slack.post(ann, incidents, f"{slack.workspace.bot.mention} checkout is failing")
        await slack.wait_for(lambda: any(message.by_bot for message in slack.thread(incidents, ts)))
        print(slack.transcript(incidents, ts))
"""

from sre_bot.drills.slack_simulator.events_api import SUBSCRIPTIONS
from sre_bot.drills.slack_simulator.faults import Faults
from sre_bot.drills.slack_simulator.server import Call
from sre_bot.drills.slack_simulator.simulator import SCOPES, SlackSimulator
from sre_bot.drills.slack_simulator.socket_mode import Ack, DisconnectReason, Envelope, Event, RetrySchedule
from sre_bot.drills.slack_simulator.workspace import Bot, Channel, File, Message, User, Workspace

__all__ = [
    "SCOPES",
    "SUBSCRIPTIONS",
    "Ack",
    "Bot",
    "Call",
    "Channel",
    "DisconnectReason",
    "Envelope",
    "Event",
    "Faults",
    "File",
    "Message",
    "RetrySchedule",
    "SlackSimulator",
    "User",
    "Workspace",
]
