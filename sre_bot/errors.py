"""Every error sre-bot raises.

SreBotError
├── ConfigurationError     the file or the environment is wrong; the message says what to change
├── BadInputError          a person asked for something impossible (a time in the future, an empty question)
├── SourceError            a system we read from failed; becomes an answer for the model, never a crash
│   ├── SourceUnavailableError   it cannot be reached, is too slow or answered with nonsense
│   └── QueryRefusedError        it, or our own guard, refused this very query; another query may work
├── ModelError             the model's provider failed in a way that ends this run's model part
│   ├── ModelUnavailableError    unreachable, overloaded or rate limited beyond our patience
│   └── ModelRefusedError        it declined (stop reason "refusal") or rejected our credentials or request,
│                                or what we may spend is spent: a person has to act
├── DeliveryError          an answer could not be brought to the human
└── DrillError             the shop we drill in does not run as it should
"""

from __future__ import annotations


class SreBotError(Exception):
    """Base of all errors of ours; its text is a sentence fit for a human."""


class ConfigurationError(SreBotError):
    """Configuration is missing or wrong."""


class BadInputError(SreBotError):
    """What a person asked for is impossible as asked."""


class SourceError(SreBotError):
    """A system we read from failed.

    Args:
        source: name of the source as configured, e.g. ``prometheus``.
        message: what happened, in the words of the system where it has some.
        query: the exact query or path that was asked, if any.
    """

    def __init__(self, source: str, message: str, *, query: str | None = None) -> None:
        super().__init__(f"{source}: {message}" + (f" (asked: {query})" if query else ""))
        self.source = source
        self.message = message
        self.query = query


class SourceUnavailableError(SourceError):
    """The source cannot be reached, is too slow or answered with nonsense."""


class QueryRefusedError(SourceError):
    """The source, or our guard in front of it, refused this very query."""


class ModelError(SreBotError):
    """The model's provider failed in a way that ends the model's part of a run."""


class ModelUnavailableError(ModelError):
    """The provider is unreachable, overloaded or rate limiting beyond our patience."""


class ModelRefusedError(ModelError):
    """The provider declined to answer, rejected our credentials or our request, or what we may spend is spent."""


class DeliveryError(SreBotError):
    """An answer could not be brought to the human."""


class DrillError(SreBotError):
    """The shop we drill in does not run as it should."""
