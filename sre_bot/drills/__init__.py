"""A small real shop with real faults, and a Slack simulator to hold the conversation in."""
