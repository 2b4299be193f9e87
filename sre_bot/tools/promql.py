"""PromQL, read before it is sent: what it costs, what it names, what its values are measured in.

The limits before parsing protect this process (the parser's stack overflows on hostile input), those after it the
Prometheus. They pass at least 99 % of the alert expressions people write.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import promql_parser as p

from sre_bot.errors import QueryRefusedError
from sre_bot.signals.units import unit_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

MAX_LENGTH = 2_048
MAX_NESTING = 20
MAX_OPERATORS = 64
MAX_RANGE = timedelta(days=7)
MAX_SUBQUERY_POINTS = 5_000
SUBQUERY_STEP = timedelta(minutes=1)
"""Prometheus' default evaluation interval, which a subquery without a step takes."""


@dataclass(frozen=True, slots=True)
class Selector:
    """One series selector: its metric name, if it has one, and its equality matchers on other labels."""

    metric: str | None
    equals: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Query:
    """A query that may be sent.

    ``unit`` as in ``signals.units`` ("" = unknown); ``rated`` when it looks at ranges of samples, not at single ones.
    ``interpolated`` when a ``histogram_quantile`` is in it, ``quantile`` when it is nothing else.
    ``counter`` when it is a counter as it stands, which only ever grows.
    """

    text: str
    selectors: tuple[Selector, ...]
    unit: str
    rated: bool
    interpolated: bool
    quantile: bool
    counter: bool = False

    @property
    def buckets(self) -> tuple[Selector, ...]:
        """What it asks for that are buckets of classic histograms."""
        return tuple(s for s in self.selectors if (s.metric or "").endswith("_bucket"))

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metric names it asks for, each once."""
        return tuple(dict.fromkeys(s.metric for s in self.selectors if s.metric is not None))


def guarded(text: str, *, source: str, end: datetime, now: datetime) -> Query:
    """Read a query and refuse what is too costly, unbounded, or asks for the future.

    Args:
        text: PromQL as the model wrote it.
        source: name of the source it is meant for.
        end: the latest moment it will be evaluated at.
        now: the investigation's present; nothing later may be seen.

    Raises:
        QueryRefusedError: with a sentence that tells how to mend the query.
    """
    try:
        expression = _parsed(text)
        _Limits(end, now).check(expression)
    except OverflowError as error:
        raise QueryRefusedError(source, "a time or duration in it is out of range", query=text) from error
    except ValueError as error:
        raise QueryRefusedError(source, str(error), query=text[:MAX_LENGTH]) from error
    return Query(
        text,
        tuple(_selectors(expression)),
        unit_of_expression(expression),
        rated=_is_rated(expression),
        interpolated=_is_interpolated(expression),
        quantile=_is_quantile(expression),
        counter=isinstance(expression, p.VectorSelector) and (expression.name or "").endswith("_total"),
    )


def metrics_in(text: str) -> frozenset[str]:
    """The metric names in an expression that someone else wrote; none when it cannot be read."""
    try:
        return frozenset(selector.metric for selector in _selectors(_parsed(text)) if selector.metric is not None)
    except ValueError:
        return frozenset()


@dataclass(frozen=True, slots=True)
class Threshold:
    """The value beyond which an alert on these metrics fires, in its unit ("" = unknown)."""

    metrics: frozenset[str]
    unit: str
    value: float


def threshold_in(text: str) -> Threshold | None:
    """What an alert's expression compares with a plain number; None when it is not one such comparison."""
    try:
        expression = _parsed(text)
    except ValueError:
        return None
    while isinstance(expression, p.ParenExpr):
        expression = expression.expr
    if not (isinstance(expression, p.BinaryExpr) and str(expression.op) in _BEYOND):
        return None
    if not isinstance(expression.rhs, p.NumberLiteral):
        return None
    metrics = frozenset(one.metric for one in _selectors(expression.lhs) if one.metric is not None)
    return Threshold(metrics, unit_of_expression(expression.lhs), float(expression.rhs.val)) if metrics else None


_BEYOND = frozenset({">", ">=", "<", "<="})


def _parsed(text: str) -> p.Expr:
    if len(text) > MAX_LENGTH:
        raise ValueError(f"the query has {len(text)} characters, at most {MAX_LENGTH} are allowed: ask in parts")
    if any(not (c.isprintable() or c in "\n\t\r") for c in text):
        raise ValueError("the query contains control characters: write it in plain text")
    if _nesting(text) > MAX_NESTING:
        raise ValueError(f"the query nests deeper than {MAX_NESTING} brackets: ask in parts")
    if len(_OPERATOR.findall(_STRING_OR_COMMENT.sub(" ", text))) > MAX_OPERATORS:
        raise ValueError(f"the query has more than {MAX_OPERATORS} operators: ask in parts")
    expression = p.parse(text)
    if type(expression) in _NO_VECTORS:
        raise ValueError(_NO_VECTORS[type(expression)])
    return expression


_BARE_RANGE = "a bare range cannot be shown: wrap it in rate(), increase() or an …_over_time() function"
_NO_VECTORS: dict[type[p.Expr], str] = {
    p.MatrixSelector: _BARE_RANGE,
    p.SubqueryExpr: _BARE_RANGE,
    p.StringLiteral: "a string is no metric: ask for a metric name or an expression of one",
}
_STRING_OR_COMMENT = re.compile(r""""(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`|#[^\n]*""", re.DOTALL)
_OPERATOR = re.compile(r"[-+*/%^<>]|==|!=|\b(?:and|or|unless|atan2)\b", re.IGNORECASE)


def _nesting(text: str) -> int:
    """The deepest bracket, also in strings: so a quote that is read otherwise by the parser hides none."""
    depth = deepest = 0
    for character in text:
        depth = depth + 1 if character in "([{" else max(0, depth - 1) if character in ")]}" else depth
        deepest = max(deepest, depth)
    return deepest


def children(node: p.Expr) -> tuple[p.Expr, ...]:
    """The expressions right under one; the selector of a range counts as one."""
    match node:
        case p.Call():
            return tuple(node.args)
        case p.BinaryExpr():
            return (node.lhs, node.rhs)
        case p.AggregateExpr():
            return (node.expr,) if not isinstance(node.param, p.Expr) else (node.param, node.expr)
        case p.UnaryExpr() | p.ParenExpr() | p.SubqueryExpr():
            return (node.expr,)
        case p.MatrixSelector():
            return (node.vector_selector,)
        case _:
            return ()


@dataclass(frozen=True, slots=True)
class _Limits:
    """The limits on a parsed query; each check raises ValueError with what to do about it."""

    end: datetime
    now: datetime

    def check(self, node: p.Expr, *, points: float = 1, ahead: timedelta = timedelta()) -> None:
        """Check an expression evaluated ``points`` times per step, up to ``ahead`` after the end of the window."""
        if isinstance(node, p.MatrixSelector | p.SubqueryExpr) and (node.range or timedelta()) > MAX_RANGE:
            raise ValueError(f"a range of more than {MAX_RANGE.days} days is too costly: use a shorter range")
        if isinstance(node, p.VectorSelector | p.SubqueryExpr):
            ahead = self._ahead(node, ahead)
        if isinstance(node, p.SubqueryExpr):
            points *= max(1.0, (node.range or timedelta()) / (node.step or SUBQUERY_STEP))
            if points > MAX_SUBQUERY_POINTS:
                raise ValueError(
                    f"the subquery takes {points:.0f} points, at most {MAX_SUBQUERY_POINTS} are allowed: "
                    "give it a longer step, as in [1d:5m], or a shorter range"
                )
        if isinstance(node, p.VectorSelector):
            _bounded(node)
        for child in children(node):
            self.check(child, points=points, ahead=ahead)

    def _ahead(self, node: p.VectorSelector | p.SubqueryExpr, ahead: timedelta) -> timedelta:
        ahead += max(-(node.offset or timedelta()), timedelta())
        latest = max(self.end.timestamp(), _fixed_time(node.at))
        if latest + ahead.total_seconds() > self.now.timestamp():
            raise ValueError(
                f"it asks for data after {self.now:%Y-%m-%d %H:%M:%SZ}, the present of this investigation: "
                "leave out the @ or the negative offset, or choose an earlier one"
            )
        return ahead


def _fixed_time(at: p.AtModifier | None) -> float:
    """The unix time of ``@ 1000``; 0 when there is none. Read from its text: its own attribute panics before 1970."""
    text = str(at).removeprefix("@ ")
    return float(text) if at is not None and at.type == p.AtModifierType.At else 0.0


def _bounded(selector: p.VectorSelector) -> None:
    groups = selector.matchers.or_matchers or [selector.matchers.matchers]
    named = selector.name or all(any(m.op == p.MatchOp.Equal and m.value for m in group) for group in groups)
    if not named:
        raise ValueError(
            'a selector needs a metric name or an exact label, as in http_requests_total or {job="api"}: '
            "find_metrics tells the names"
        )


def _selectors(node: p.Expr) -> Iterator[Selector]:
    if isinstance(node, p.VectorSelector):
        equal = {m.name: m.value for m in node.matchers.matchers if m.op == p.MatchOp.Equal}
        yield Selector(_metric(node), tuple(item for item in equal.items() if item[0] != "__name__"))
    for child in children(node):
        yield from _selectors(child)


def _metric(selector: p.VectorSelector) -> str | None:
    matchers = selector.matchers.matchers
    exact = (m.value for m in matchers if m.name == "__name__" and m.op == p.MatchOp.Equal)
    return selector.name or next(exact, None)


def _is_rated(node: p.Expr) -> bool:
    return isinstance(node, p.MatrixSelector) or any(_is_rated(child) for child in children(node))


def _is_interpolated(node: p.Expr) -> bool:
    return _is_quantile(node) or any(_is_interpolated(child) for child in children(node))


def _is_quantile(node: p.Expr) -> bool:
    while isinstance(node, p.ParenExpr):
        node = node.expr
    return isinstance(node, p.Call) and node.func.name == "histogram_quantile"


_RATES = frozenset({"rate", "irate", "deriv"})
_KEEPING = frozenset(
    """
    increase delta idelta abs ceil floor round clamp clamp_min clamp_max sort sort_desc sort_by_label
    sort_by_label_desc label_replace label_join avg_over_time min_over_time max_over_time sum_over_time
    quantile_over_time last_over_time first_over_time stddev_over_time mad_over_time predict_linear
    double_exponential_smoothing holt_winters histogram_avg histogram_sum histogram_stddev vector scalar
    """.split()  # noqa: SIM905 -- a paragraph of names reads better than a page of quotes
)
"""Functions whose result is measured in what their argument is."""
_KEEPING_AGGREGATES = frozenset({"sum", "min", "max", "avg", "topk", "bottomk", "quantile", "stddev", "limitk"})
_FILTERS = frozenset({"==", "!=", ">", "<", ">=", "<=", "and", "or", "unless"})


def unit_of_expression(node: p.Expr) -> str:
    """What the values of an expression are measured in, "" when its parts do not tell."""
    match node:
        case p.VectorSelector():
            unit = unit_of(_metric(node) or "")
        case p.MatrixSelector():
            unit = unit_of_expression(node.vector_selector)
        case p.ParenExpr() | p.UnaryExpr() | p.SubqueryExpr():
            unit = unit_of_expression(node.expr)
        case p.AggregateExpr():
            unit = unit_of_expression(node.expr) if str(node.op) in _KEEPING_AGGREGATES else ""
        case p.Call():
            unit = _unit_of_call(node)
        case p.BinaryExpr():
            unit = _unit_of_operation(node)
        case _:
            unit = ""
    return unit


def _unit_of_call(call: p.Call) -> str:
    name = call.func.name
    if name in {"time", "timestamp"}:
        return "timestamp"
    measured = [argument for argument in call.args if not isinstance(argument, p.NumberLiteral | p.StringLiteral)]
    if not measured:
        return ""
    if name in _RATES:
        return f"{unit_of_expression(measured[0]) or 'units'}/s"
    if name == "histogram_quantile":
        buckets = next(_selectors(measured[0]), None)
        return unit_of((buckets.metric or "").removesuffix("_bucket")) if buckets else ""
    return unit_of_expression(measured[0]) if name in _KEEPING else ""


def _unit_of_operation(node: p.BinaryExpr) -> str:
    operator = str(node.op)
    left, right = unit_of_expression(node.lhs), unit_of_expression(node.rhs)
    if operator in _FILTERS:
        return "" if node.modifier is not None and node.modifier.return_bool else left or right
    if operator in {"+", "-"}:
        return left or right if "timestamp" not in {left, right} else "seconds"
    if operator == "/":
        return _unit_of_quotient(left, right)
    scaled = {left, right} == {"ratio", ""} and "100" in {str(node.lhs), str(node.rhs)}
    return "percent" if operator == "*" and scaled else ""


def _unit_of_quotient(left: str, right: str) -> str:
    """Like by like is a ratio; a histogram's sum by its count is what one observation takes."""
    if left and left == right:
        return "ratio"
    if right.removesuffix("/s") == "observations" and left.endswith("/s") == right.endswith("/s"):
        return left.removesuffix("/s")
    return ""
