"""A query that has a value only while something is wrong. Pure."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from sre_bot.first_look.conditions import ConditionKind as Kind


class Whose(enum.Enum):
    """The labels that name what a check is about."""

    POD = ("namespace", "pod", "container", "reason")
    WORKLOAD = ("namespace", "deployment", "statefulset", "daemonset", "horizontalpodautoscaler")
    VOLUME = ("namespace", "persistentvolumeclaim")
    NODE = ("instance", "node", "mountpoint", "device", "condition")
    TARGET = ("instance", "target", "name", "namespace")
    PROCESS = ("instance", "pod", "pool", "pool_name", "name", "id")
    QUEUE = ("consumergroup", "topic", "queue", "vhost")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that may be wrong.

    ``expression`` is PromQL in which ``@name{…}`` stands for a metric, to be narrowed to what is looked at, and
    ``$window`` for that of rates; it has a value only while the trouble lasts. ``words`` say what a value means, with
    ``{value}`` for it in ``unit`` and labels by their names. ``normal`` is what says something only while it is new, an
    ``event`` is over in a moment and may come again.
    """

    kind: Kind
    whose: Whose
    expression: str
    words: str
    unit: str = ""
    normal: bool = False
    event: bool = False

    @property
    def metrics(self) -> frozenset[str]:
        """The metrics that it needs."""
        return frozenset(name for name, _ in _METRIC.findall(self.expression))

    @property
    def metric(self) -> str:
        """The one that it is about."""
        return str(_METRIC.findall(self.expression)[0][0])

    def promql(self, by: Collection[str], window: str, matchers: tuple[str, ...] = ()) -> str:
        """The query; ``by`` are the labels that are wanted besides those that name what it is about."""

        def selector(found: re.Match[str]) -> str:
            chosen = ",".join((*filter(None, [found[2]]), *matchers))
            return f"{found[1]}{{{chosen}}}" if chosen else found[1]

        labels = ", ".join(dict.fromkeys((*self.whose.value, *by)))
        return f"max by ({labels}) ({_METRIC.sub(selector, self.expression).replace('$window', window)})"


_METRIC = re.compile(r"@([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{([^}]*)\})?")
