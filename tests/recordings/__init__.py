"""Recordings: some written by the tests, and twelve that may lie beside the project."""

from __future__ import annotations

from pathlib import Path

RECORDED = Path(__file__).parents[2] / "../shared/recordings"
"""Twelve recorded incidents; tests that need them skip where they are absent."""
