"""What an investigation may cost, and what it has cost so far. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from sre_bot.investigation import Usage

_MILLION = 1_000_000
_LEAST_SECONDS = 1.0
"""With less time than this left, asking a model is not worth beginning."""

_LONG_PROMPT = 100_000

_PRICES: tuple[tuple[str, float, float], ...] = (
    ("opus-5-5", 4.0, 20.0),
    ("sonnet-5-5", 2.0, 10.0),
    ("haiku-5-5", 0.10, 0.50),
)
"""US dollars per million tokens in and out, by a part of the model's id (November 2026)."""

_DEAREST = max((price[1:] for price in _PRICES), key=lambda price: price[1])
_CACHE_READ, _CACHE_WRITE_5M, _CACHE_WRITE_1H = 0.1, 1.25, 2.0
"""What cached input costs, as a multiple of fresh input."""


def usd(model: str, usage: Usage, *, written_for_1h: int = 0) -> float:
    """Price of ``usage`` in US dollars; an unknown model costs as much as the dearest one we know.

    Args:
        model: the model's id.
        usage: its token counts; ``usd`` in it is ignored.
        written_for_1h: how many of its cache writes are kept for an hour rather than five minutes.
    """
    price_in, price_out = next((price[1:] for price in _PRICES if price[0] in model), _DEAREST)
    prompt = usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens
    if "haiku" in model and prompt > _LONG_PROMPT:  # its price beyond that is not published to us: assume the worst
        price_in, price_out = _DEAREST
    written_for_5m = usage.cache_write_tokens - written_for_1h
    fresh = usage.input_tokens + written_for_5m * _CACHE_WRITE_5M + written_for_1h * _CACHE_WRITE_1H
    return ((fresh + usage.cache_read_tokens * _CACHE_READ) * price_in + usage.output_tokens * price_out) / _MILLION


@dataclass(frozen=True, slots=True)
class Limits:
    """What one investigation may cost at most.

    Args:
        steps: times the model is asked before the report is due.
        tool_calls: looks at sources.
        tokens: read afresh, written to the cache or written by the model; reads from the cache only cost dollars.
        seconds: from the first question to the model to the answer.
        usd: US dollars. Money and tokens are counted after each call, so the last one may overshoot.
        reserve: share of tokens, seconds and dollars kept back for the report.
        turn_tokens: output tokens of one turn, thinking included.
    """

    steps: int = 12
    tool_calls: int = 40
    tokens: int = 200_000
    seconds: float = 180.0
    usd: float = 1.00
    reserve: float = 0.2
    turn_tokens: int = 16_000


@dataclass(frozen=True, slots=True)
class Budget:
    """A tally against limits; each method gives a new one."""

    limits: Limits
    usage: Usage = field(default_factory=Usage)
    tool_calls: int = 0
    seconds: float = 0.0

    def at(self, seconds: float) -> Budget:
        """The tally at so many seconds since the start."""
        return replace(self, seconds=seconds)

    def after_turn(self, usage: Usage) -> Budget:
        """The tally after a call of the model."""
        return replace(self, usage=self.usage + replace(usage, turns=1))

    def after_looks(self, count: int) -> Budget:
        """The tally after so many looks at sources."""
        return replace(self, tool_calls=self.tool_calls + count)

    @property
    def tokens(self) -> int:
        """Tokens that count against the limit."""
        return self.usage.input_tokens + self.usage.cache_write_tokens + self.usage.output_tokens

    @property
    def looks_left(self) -> int:
        """How many more looks may be taken."""
        return max(0, self.limits.tool_calls - self.tool_calls)

    @property
    def seconds_for_turn(self) -> float:
        """Seconds left to look around, the reserve for the report kept back."""
        return self.limits.seconds * (1 - self.limits.reserve) - self.seconds

    @property
    def seconds_for_report(self) -> float:
        """Seconds left until the answer is due."""
        return self.limits.seconds - self.seconds

    def spent(self) -> str | None:
        """What has run out, so that looking around must stop and the report is due; None while there is enough."""
        limits, share = self.limits, 1 - self.limits.reserve
        if self.usage.turns >= limits.steps:
            return f"{limits.steps} steps"
        if self.looks_left == 0:
            return f"{limits.tool_calls} tool calls"
        if self.tokens >= limits.tokens * share:
            return f"{limits.tokens:,} tokens"
        if self.seconds_for_turn < _LEAST_SECONDS:
            return f"{limits.seconds:g} seconds"
        if self.usage.usd >= limits.usd * share:
            return f"{limits.usd:.2f} US dollars"
        return None

    def report_affordable(self) -> bool:
        """Whether anything of the reserve is left for a report."""
        return (
            self.seconds_for_report >= _LEAST_SECONDS
            and self.usage.usd < self.limits.usd
            and self.tokens < self.limits.tokens
        )
