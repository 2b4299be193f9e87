"""The Slack door. Nothing outside this package knows Slack."""
