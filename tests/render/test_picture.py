"""The picture: a PNG of a size for a phone, whatever is to be drawn, made by a process of its own."""

from __future__ import annotations

import itertools
import struct
import subprocess
import sys
from dataclasses import replace

import pytest

from sre_bot.investigation import Answer, Chart, ChartLine, ChartMark
from sre_bot.render.drawing import drawn
from sre_bot.render.finding import Finding, finding_of
from sre_bot.render.picture import DOTS, WIDTH, png
from tests.render import sample_answers as samples
from tests.render.strategies import FRAGMENTS

MAX_BYTES = 200_000


def size(picture: bytes) -> tuple[int, int]:
    """Width and height as the PNG's header tells."""
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", picture[16:24])
    return width, height


def found(answer: Answer = samples.BAD_DEPLOY) -> Finding:
    finding = finding_of(answer)
    assert finding is not None
    return finding


async def test_a_process_of_its_own_draws_it() -> None:
    picture = await drawn(found(), patience=120)
    assert picture is not None
    width, height = size(picture)
    assert width == WIDTH * DOTS
    assert height <= width
    assert len(picture) < MAX_BYTES


async def test_what_takes_too_long_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    assert await drawn(found(), patience=0.0) is None
    assert "no picture: it was not drawn within 0 s" in caplog.text


async def test_what_cannot_be_drawn_is_a_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    assert await drawn(replace(found(), panels=()), patience=120) is None
    assert "no picture: " in caplog.text


def test_the_threshold_is_drawn_even_beyond_the_values() -> None:
    finding = found()
    high = replace(finding, panels=(replace(finding.panels[0], threshold=0.9), *finding.panels[1:]))
    assert png(high) != png(finding)


@pytest.mark.parametrize("values", [(0.0,), (0.0, 0.0), (1e-300, 0.0), (-5.0, None), (1e29, -1e29)])
def test_odd_series_are_drawn(values: tuple[float | None, ...]) -> None:
    line = ChartLine("_x", tuple(1.7e9 + n for n in range(len(values))), values)
    marks = (ChartMark(1.7e9, "onset"), ChartMark(1.7e9, "deploy"), ChartMark(0.0, "long ago"))
    size(png(Finding("$x$", (Chart("$\\frac", "widgets", (line,), marks, threshold=float("nan")),), "alt")))


@pytest.mark.parametrize("place", range(4))
def test_hostile_texts_are_drawn(place: int) -> None:
    texts = itertools.cycle(FRAGMENTS[place::4])
    line = ChartLine(next(texts), (1.7e9, 1.7e9 + 60), (0.1, 0.5))
    panels = tuple(
        Chart(next(texts), next(texts), (replace(line, name=next(texts)),), (ChartMark(1.7e9 + 30, next(texts)),))
        for _ in range(8)
    )
    size(png(Finding(next(texts), panels, "alt")))


def test_the_program_that_answers_does_not_load_the_library() -> None:
    """It is a matter of its memory and of how soon it is up."""
    loaded = "import sys, sre_bot.serve; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", loaded], check=False).returncode == 0
