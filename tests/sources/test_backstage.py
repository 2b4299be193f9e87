"""Backstage's catalogue file, as services."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from sre_bot.errors import ConfigurationError
from sre_bot.incident import Service
from sre_bot.sources.backstage import read_backstage

if TYPE_CHECKING:
    from pathlib import Path

FILE = """
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: checkout
  title: Checkout API
  annotations:
    github.com/project-slug: larder/shop
    pagerduty.com/service-id: PXYZ
  links:
    - {url: "https://grafana.example/d/1", title: Grafana dashboard}
    - {url: "https://wiki.example/runbook", type: runbook}
    - {url: "https://example.com/other", title: Website}
spec:
  type: service
  lifecycle: production
  owner: group:default/orders
  dependsOn: ["component:default/payments", "resource:default/orders-db", inventory]
---
apiVersion: backstage.io/v1alpha1
kind: API
metadata: {name: orders-api}
---
kind: Component
metadata: {name: payments, links: null}
"""


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "catalog-info.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_components_are_services_and_other_kinds_are_skipped(tmp_path: Path) -> None:
    assert read_backstage(write(tmp_path, FILE)) == [
        Service(
            "checkout",
            owner="orders",
            on_call="PXYZ",
            repository="larder/shop",
            environment="production",
            dashboards=("https://grafana.example/d/1",),
            runbooks=("https://wiki.example/runbook",),
            dependencies=("payments", "inventory"),
            aliases=("Checkout API",),
        ),
        Service("payments"),
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("kind: Component\nmetadata: {}", "has a Component whose metadata.name is missing; set it"),
        ("kind: Component\nmetadata: [", "is not valid YAML in line 2"),
        (b"\xff\xfe", "cannot read the catalogue"),
        ("x" * (4 * 1024 * 1024 + 1), "is larger than 4 MiB"),
        ("kind: Component\nmetadata: {name: a, links: [{title: no url}]}", "metadata.links.0.url is missing"),
    ],
)
def test_a_broken_file_is_named_with_what_is_wrong(tmp_path: Path, text: str | bytes, sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(sentence)):
        read_backstage(write(tmp_path, text))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere\.yaml"):
        read_backstage(tmp_path / "nowhere.yaml")


def test_an_empty_file_has_no_services(tmp_path: Path) -> None:
    assert read_backstage(write(tmp_path, "")) == []
