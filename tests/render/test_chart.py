"""Charts are drawings that stand on their own: every point, gap and mark is where it belongs, every text is text."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from hypothesis import given, settings

from sre_bot.investigation import Chart, ChartLine, ChartMark
from sre_bot.render.chart import LEFT, MAX_LINES, RIGHT, WIDTH, chart_figure, chart_svg
from tests.render import sample_answers as samples
from tests.render.strategies import charts

ELEMENTS = {"figure", "figcaption", "svg", "line", "text", "path", "ul", "li", "i", "b", "p"}


def parsed(markup: str) -> ET.Element:
    return ET.fromstring(markup)  # noqa: S314 - our own markup


def chart_of(*values: float | None, unit: str = "", marks: tuple[ChartMark, ...] = ()) -> Chart:
    return Chart("t", unit, (ChartLine("a", tuple(float(i) for i in range(len(values))), values),), marks)


def numbers(path: str) -> list[float]:
    return [float(number) for number in re.findall(r"-?[0-9.]+", path)]


def test_the_drawing_is_named_for_those_who_cannot_see_it() -> None:
    svg = parsed(chart_svg(samples.ERRORS))
    assert svg.get("role") == "img"
    assert (svg.get("aria-label") or "").startswith("share of requests that fail: checkout now 3")


def test_ticks_carry_units_and_times_are_utc() -> None:
    texts = [text.text for text in parsed(chart_svg(samples.ERRORS)).iter("text")]
    assert {"0 %", "40 %", "03:00", "UTC"} <= set(texts)


def test_marks_stand_where_they_happened_and_their_labels_do_not_touch() -> None:
    svg = parsed(chart_svg(samples.ERRORS))
    lines = [line for line in svg.iter("line") if line.get("class") == "mark"]
    labels = [text for text in svg.iter("text") if text.get("class") == "label"]
    assert [label.text for label in labels] == ["deploy 3f2a91c7", "onset"]
    assert float(lines[0].get("x1", "")) < float(lines[1].get("x1", ""))
    assert labels[0].get("y") != labels[1].get("y")


def test_a_mark_near_the_right_edge_is_labelled_to_the_left() -> None:
    svg = parsed(chart_svg(chart_of(1, 2, 3, marks=(ChartMark(1.95, "deploy 3f2a91c7"),))))
    (label,) = [text for text in svg.iter("text") if text.get("class") == "label"]
    assert label.get("text-anchor") == "end"


def test_a_mark_outside_the_window_is_not_drawn() -> None:
    assert "later" not in chart_svg(chart_of(1, 2, marks=(ChartMark(9.0, "later"),)))


def test_a_gap_is_a_gap_and_a_lonely_point_a_dot() -> None:
    svg = parsed(chart_svg(chart_of(1, 2, None, 3, float("nan"))))
    (path,) = [path for path in svg.iter("path") if path.get("class") != "area"]
    assert re.fullmatch(r"M[\d.]+ [\d.]+L[\d.]+ [\d.]+M[\d.]+ [\d.]+h0", path.get("d", ""))


def test_values_lie_inside_the_plot_from_edge_to_edge() -> None:
    svg = parsed(chart_svg(chart_of(5, 1, 3)))
    (path,) = [path for path in svg.iter("path") if path.get("class") != "area"]
    x = numbers(path.get("d", ""))[::2]
    assert x == [LEFT, (LEFT + WIDTH - RIGHT) / 2, WIDTH - RIGHT]


def test_without_data_it_says_so() -> None:
    assert chart_svg(chart_of(None, None)) == "<p>No data to draw.</p>"


def test_the_legend_names_every_line_and_counts_those_left_out() -> None:
    lines = tuple(ChartLine(f"pod {n}", (0.0, 1.0), (1.0, 2.0)) for n in range(MAX_LINES + 3))
    legend = ["".join(item.itertext()) for item in parsed(chart_figure(Chart("t", "", lines))).iter("li")]
    assert legend == [*(f"pod {n} 2" for n in range(MAX_LINES)), "…(3 more)"]


@settings(deadline=None, max_examples=200)
@given(charts)
def test_any_chart_is_well_formed_and_made_of_drawing_elements_only(chart: Chart) -> None:
    figure = parsed(chart_figure(chart))
    assert {element.tag for element in figure.iter()} <= ELEMENTS
    height = float((figure.find("svg") or ET.Element("svg")).get("viewBox", "0 0 0 1e9").split()[3])
    for path in figure.iter("path"):
        x, y = numbers(path.get("d", "").replace("h0", ""))[::2], numbers(path.get("d", "").replace("h0", ""))[1::2]
        assert all(LEFT - 0.1 <= one <= WIDTH - RIGHT + 0.1 for one in x)
        assert all(-0.1 <= one <= height for one in y)
