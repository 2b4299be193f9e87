"""A range vector as arrays, and as a few facts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    FloatArray: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Series:
    """One labelled series: equally long ``times`` (unix seconds, ascending) and ``values`` (NaN = no value)."""

    labels: Mapping[str, str]
    times: FloatArray
    values: FloatArray


@dataclass(frozen=True, slots=True)
class QueryResult:
    """What a query gave: an instant answer is series of length one. ``warnings`` are the server's (partial data …)."""

    series: tuple[Series, ...]
    warnings: tuple[str, ...] = field(default=())
