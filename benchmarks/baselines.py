"""The two published scorers that root-cause rankings are measured against, on the same situations.

Both follow RCAEval (https://github.com/phamquiluan/RCAEval, ``e2e/nsigma.py`` and ``e2e/baro.py``): gaps are filled
forwards, then with zeros; series that are constant before or after the alert are dropped; memory is in megabytes; the
score of a series is the largest scaled value after the alert, upwards only; services come in the order of their first
series. NSigma scales with mean and standard deviation, BARO (Pham et al., FSE 2024) with median and interquartile
range; a range of zero scales by one, as scikit-learn's ``RobustScaler`` does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from sre_bot.signals.metric_kinds import MetricKind, kind_of
from sre_bot.signals.metric_table import rows_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from sre_bot.signals.ranking import Situation

    FloatArray: TypeAlias = NDArray[np.float64]
    Scaling: TypeAlias = Callable[[FloatArray], tuple[FloatArray, FloatArray]]

MEGABYTE = 1e6


def nsigma(situation: Situation) -> list[tuple[str, str]]:
    """(service, metric) keys, most suspicious first."""
    return _ranked(situation, lambda normal: (normal.mean(axis=1), normal.std(axis=1)))


def baro(situation: Situation) -> list[tuple[str, str]]:
    """(service, metric) keys, most suspicious first."""

    def robust(normal: FloatArray) -> tuple[FloatArray, FloatArray]:
        low, middle, high = np.percentile(normal, [25, 50, 75], axis=1)
        return middle, high - low

    return _ranked(situation, robust)


def _ranked(situation: Situation, scaling: Scaling) -> list[tuple[str, str]]:
    metrics = situation.metrics
    after = metrics.times >= situation.alert_time
    if not after.any():
        return []
    normal = _filled(metrics.values[:, ~after])
    if situation.baseline is not None:
        normal = np.concatenate((_filled(rows_for(situation.baseline, metrics.keys)), normal), axis=1)
    anomalous = _filled(metrics.values[:, after])
    if not normal.shape[1]:
        return []
    memory = np.array([kind_of(metric) is MetricKind.MEMORY for _, metric in metrics.keys])
    unit = np.where(memory, MEGABYTE, 1.0)[:, None]
    centre, scale = scaling(normal / unit)
    scores = ((anomalous / unit - centre[:, None]) / np.where(scale == 0, 1.0, scale)[:, None]).max(axis=1)
    moving = np.array([_moves(before) and _moves(later) for before, later in zip(normal, anomalous, strict=True)])
    return [metrics.keys[row] for row in np.argsort(-scores, kind="stable") if moving[row]]


def _moves(values: FloatArray) -> bool:
    return bool((values != values[0]).any())


def _filled(values: FloatArray) -> FloatArray:
    """Gaps closed with the value before them, at the beginning with zero."""
    known = np.where(np.isfinite(values), np.arange(values.shape[1])[None, :], 0)
    return np.nan_to_num(np.take_along_axis(values, np.maximum.accumulate(known, axis=1), axis=1), posinf=0, neginf=0)
