"""sre-bot: investigates incidents with read-only tools and answers in Slack with evidence."""

__version__ = "0.1.0"
