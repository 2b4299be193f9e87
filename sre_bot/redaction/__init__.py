"""Secrets out, at both edges: before a text reaches the model, and before it reaches a human, a log or a file."""

from sre_bot.redaction.redactor import Redactor

__all__ = ["Redactor"]
