"""Run the payments service."""

from __future__ import annotations

from ..kit import launch
from .app import routes

launch.run("payments", routes)
