"""``sre-bot rank``: case folders in, one document each out."""

from __future__ import annotations

import csv
import gzip
import math
import time
import zlib
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sre_bot.errors import BadInputError
from sre_bot.signals.impact import Objective
from sre_bot.signals.metric_table import MetricTable
from sre_bot.signals.ranking import Ranking, Situation, Suspect, rank

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from sre_bot.signals.level_shift import FloatArray

Model = TypeVar("Model", bound=BaseModel)

DIGITS = 6
"""Significant digits of levels and scores in the output."""


class _Objective(BaseModel):
    service: str
    metric: str
    stat: str = ""


class _Case(BaseModel):
    """``case.json``; other keys are informative."""

    model_config = ConfigDict(allow_inf_nan=False)

    case_id: str
    alert_time: float
    slo: _Objective | None = None
    graph: str | None = None
    baseline: str | None = None


class _Graph(BaseModel):
    edges: list[tuple[str, str]] = Field(default_factory=list)


def rank_cases(folders: Iterable[Path], *, shift: float = 0.0) -> Iterator[dict[str, Any]]:
    """The document of each case, in order; that of a broken one says its ``error``, and the others still come."""
    for folder in folders:
        try:
            yield ranked(folder, shift=shift)
        except BadInputError as error:
            yield {"case_id": _name_of(folder), "error": str(error)}


def ranked(folder: Path, *, shift: float = 0.0) -> dict[str, Any]:
    """The document of one case; ``seconds`` leaves out reading its files.

    Raises:
        BadInputError: the folder holds no readable case, or one without anything to compare.
    """
    case_id, situation = read_case(folder, shift=shift)
    started = time.perf_counter()
    ranking = rank(situation)
    return {"case_id": case_id, **_document(ranking), "seconds": round(time.perf_counter() - started, 4)}


def read_case(folder: Path, *, shift: float = 0.0) -> tuple[str, Situation]:
    """The case's id and what is known in it, with ``shift`` seconds added to the alert's time.

    Raises:
        BadInputError: a file is missing or not what it should be; the message names it.
    """
    case = _parsed(_Case, folder / "case.json")
    graph = _Graph() if case.graph is None else _parsed(_Graph, folder / case.graph)
    slo = case.slo
    situation = Situation(
        metrics=read_table(folder / "metrics.csv.gz"),
        alert_time=case.alert_time + shift,
        baseline=None if case.baseline is None else read_table(folder / case.baseline),
        calls=frozenset(graph.edges),
        objective=None if slo is None else Objective(slo.service, slo.metric, slo.stat),
    )
    return case.case_id, situation


def read_table(path: Path) -> MetricTable:
    """A table as ``metrics.csv.gz`` holds it: a header of unix seconds, then ``service|metric,value,…`` a line.

    Raises:
        BadInputError: it cannot be read; the message names the file and the line.
    """
    keys: list[tuple[str, str]] = []
    rows: list[FloatArray] = []
    try:
        with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
            lines = csv.reader(file)
            times = _times(path, lines)
            for name, *cells in filter(None, lines):
                service, _, metric = name.rpartition("|")
                keys.append((service or metric, metric))
                rows.append(_row(path, lines.line_num, cells, len(times)))
    except OSError as error:
        raise BadInputError(f"{path} cannot be read: {error.strerror or error}") from error
    except (EOFError, zlib.error, UnicodeDecodeError, csv.Error) as error:
        raise BadInputError(f"{path} cannot be read: {error}") from error
    return MetricTable(times, tuple(keys), np.array(rows, dtype=np.float64).reshape(len(rows), len(times)))


def _times(path: Path, lines: Iterator[list[str]]) -> FloatArray:
    cells = next(lines, ["series"])[1:]
    times = _row(path, 1, cells, len(cells))
    if not np.isfinite(times).all():
        raise BadInputError(f"{path}, line 1: a time is missing")
    return times


def _row(path: Path, line: int, cells: Sequence[str], length: int) -> FloatArray:
    if len(cells) != length:
        raise BadInputError(f"{path}, line {line}: {len(cells)} values for {length} times")
    try:
        return np.array([cell or "nan" for cell in cells], dtype=np.float64)
    except ValueError as error:
        raise BadInputError(f"{path}, line {line}: {error}") from error


def _parsed(model: type[Model], path: Path) -> Model:
    try:
        return model.model_validate_json(path.read_bytes())
    except OSError as error:
        raise BadInputError(f"{path} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(str(part) for part in problem["loc"])
        raise BadInputError(f"{path}: {place + ': ' if place else ''}{problem['msg']}") from error


def _name_of(folder: Path) -> str:
    """The id of a broken case, as far as it can be told."""
    try:
        return _parsed(_Case, folder / "case.json").case_id
    except BadInputError:
        return folder.resolve().name


def _document(ranking: Ranking) -> dict[str, Any]:
    return {
        "services": [_suspect(suspect) for suspect in ranking.suspects],
        "metrics": [f"{each.service}|{each.metric}" for each in ranking.movements],
        "confidence": round(ranking.confidence, 4),
    }


def _suspect(suspect: Suspect) -> dict[str, Any]:
    return {
        "service": suspect.service,
        "score": _short(suspect.score),
        "metrics": [
            {
                "metric": each.metric,
                "score": _short(each.score),
                "onset": each.onset,
                "before": _short(each.before),
                "after": _short(each.after),
            }
            for each in suspect.movements
        ],
    }


def _short(value: float) -> float | None:
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
