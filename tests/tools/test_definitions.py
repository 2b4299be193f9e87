"""What every conversation pays for before it begins: the definitions of all tools."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from sre_bot.tools.find_metrics import find_metrics
from sre_bot.tools.list_alerts import list_alerts
from sre_bot.tools.list_changes import list_changes
from sre_bot.tools.query_metrics import query_metrics
from sre_bot.tools.text import estimated_tokens
from sre_bot.tools.tool import Toolbox
from tests.fakes import FakeMetrics

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)


def definitions() -> str:
    metrics = [FakeMetrics()]
    box = Toolbox(
        [query_metrics(metrics), find_metrics(metrics), list_alerts([], [], made_at=AT), list_changes([], [])], AT
    )
    return json.dumps(list(box.definitions))


def test_all_definitions_together_cost_at_most_1500_tokens() -> None:
    assert estimated_tokens(definitions()) <= 1_500


def test_no_schema_holds_a_reference_a_title_or_a_null() -> None:
    for word in ("$ref", "$defs", '"title"', '"null"', "anyOf"):
        assert word not in definitions()
