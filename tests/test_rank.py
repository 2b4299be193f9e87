"""``sre-bot rank``: a line for each case, a clear error for a broken one, and the others still run."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from sre_bot.cli import main

SHARED = Path(__file__).parents[1] / "../shared/rca"

TIMES = range(1000, 1600, 15)
ALERT = 1300


def write_case(folder: Path, **changes: Any) -> Path:
    """A case in which the shop's CPU trebles at the alert; changes replace keys of ``case.json``."""
    folder.mkdir()
    case = {"case_id": folder.name, "alert_time": ALERT, "interval_s": 15, "slo": None, "graph": None, "baseline": None}
    (folder / "case.json").write_text(json.dumps(case | changes))
    rows: dict[str, list[Any]] = {
        "shop|cpu": [3 if t >= ALERT else 1 for t in TIMES],
        "stock|cpu": ["" if t % 4 else 2 for t in TIMES],
    }
    write_table(folder / "metrics.csv.gz", rows)
    return folder


def write_table(path: Path, rows: dict[str, list[Any]], times: Any = TIMES) -> None:
    lines = [["series", *times], *([name, *values] for name, values in rows.items())]
    path.write_bytes(gzip.compress("\n".join(",".join(map(str, line)) for line in lines).encode()))


def run(capsys: pytest.CaptureFixture[str], *arguments: Path | str) -> tuple[int, list[dict[str, Any]]]:
    status = main(["rank", *map(str, arguments), "--json"])
    return status, [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_line_tells_services_metrics_levels_and_confidence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, (line,) = run(capsys, write_case(tmp_path / "one"))
    assert status == 0
    assert line["case_id"] == "one"
    assert [service["service"] for service in line["services"]] == ["shop", "stock"]
    moved = line["services"][0]["metrics"][0]
    assert (moved["metric"], moved["before"], moved["after"], moved["onset"]) == ("cpu", 1, 3, ALERT)
    assert line["metrics"] == ["shop|cpu", "stock|cpu"]
    assert 0.5 < line["confidence"] < 1
    assert line["seconds"] >= 0


def test_lines_come_in_order_and_the_shift_moves_the_alert(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cases = [write_case(tmp_path / name) for name in ("b", "a")]
    status, lines = run(capsys, *cases, "--shift", "60")
    assert status == 0
    assert [line["case_id"] for line in lines] == ["b", "a"]
    assert lines[0]["services"][0]["service"] == "shop"
    status, lines = run(capsys, *cases, "--shift", "-400")
    assert status == 1
    assert "leaves nothing to compare: the samples reach from 1000 to 1585" in lines[0]["error"]


def test_baseline_graph_and_objective_are_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    objective = {"service": "shop", "metric": "latency", "stat": "Average"}
    folder = write_case(tmp_path / "case", slo=objective, graph="../graph.json", baseline="../baseline.csv.gz")
    (tmp_path / "graph.json").write_text('{"edges": [["shop", "stock"]]}')
    write_table(
        tmp_path / "baseline.csv.gz", {"shop|latency_Average": [1, 1], "stock|latency_Average": [1, 1]}, (1, 16)
    )
    slow = {"shop|latency_Average": [5, 5], "stock|latency_Average": [4, 5]}
    write_table(folder / "metrics.csv.gz", slow, (ALERT, ALERT + 15))
    status, (line,) = run(capsys, folder)
    assert status == 0
    assert line["services"][0]["service"] == "stock"


def test_a_broken_case_says_what_is_wrong_and_the_others_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, lines = run(capsys, tmp_path / "absent", write_case(tmp_path / "whole"))
    assert status == 1
    assert lines[0]["case_id"] == "absent"
    assert "absent/case.json cannot be read: No such file" in lines[0]["error"]
    assert lines[1]["services"][0]["service"] == "shop"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"series,1,2\nshop|cpu,1,2\n", "cannot be read: Not a gzipped file"),
        (gzip.compress(b"series,1,2\nshop|cpu,1,2\n")[:-9], "cannot be read"),
        (gzip.compress(b"series,1,2\nshop|cpu,1\n"), "line 2: 1 values for 2 times"),
        (gzip.compress(b"series,1,2\nshop|cpu,1,2\n\nshop|mem,1,much\n"), "line 4: could not convert"),
        (gzip.compress(b"series,1,soon\n"), "line 1: could not convert"),
        (gzip.compress(b"\xff\xfe"), "cannot be read"),
        (gzip.compress(b"series,1,\nshop|cpu,1,2\n"), "line 1: a time is missing"),
        (gzip.compress(b""), "no series"),
        (gzip.compress(b"series,1\nshop|cpu,1\n"), "nothing to compare"),
    ],
    ids=["plain", "truncated", "short", "word", "word as time", "bytes", "no time", "empty", "one sample"],
)
def test_a_broken_table_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, problem: str
) -> None:
    folder = write_case(tmp_path / "case")
    (folder / "metrics.csv.gz").write_bytes(content)
    status, (line,) = run(capsys, folder)
    assert status == 1
    assert line["case_id"] == "case"
    assert problem in line["error"]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"alert_time": "noon"}, "alert_time: Input should be a valid number"),
        ({"slo": {"service": "shop"}}, "slo.metric: Field required"),
        ({"graph": "none.json"}, "none.json cannot be read"),
    ],
)
def test_a_broken_description_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], problem: str
) -> None:
    status, (line,) = run(capsys, write_case(tmp_path / "case", **changes))
    assert status == 1
    assert problem in line["error"]


def test_only_gaps_and_names_without_a_service_are_ranked_last(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_case(tmp_path / "case")
    rows: dict[str, list[Any]] = {"lonely": [""] * len(TIMES), "shop|cpu": [3 if t >= ALERT else 1 for t in TIMES]}
    write_table(folder / "metrics.csv.gz", rows)
    status, (line,) = run(capsys, folder)
    assert status == 0
    assert [service["service"] for service in line["services"]] == ["shop", "lonely"]
    assert line["services"][1]["metrics"] == [
        {"metric": "lonely", "score": 0.0, "onset": None, "before": None, "after": None}
    ]


@pytest.mark.parametrize("name", ["re1-ob", "re1-ss", "re2-ob", "petshop", "nezha-ob"])
def test_published_cases_are_ranked_well(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A guard against regressions on ten cases a set; the benchmark has the figures."""
    if not (SHARED / name).is_dir():
        pytest.skip("the published cases are not here")
    truth = json.loads((SHARED / name / "truth.json").read_text())
    cases = sorted(path.parent for path in (SHARED / name).glob("*/case.json"))[:10]
    status, lines = run(capsys, *cases)
    assert status == 0
    right = sum(
        line["services"][0]["service"].removesuffix("-db") == truth[line["case_id"]]["service"].removesuffix("-db")
        for line in lines
    )
    assert right >= 6
    assert max(line["seconds"] for line in lines) < 2
