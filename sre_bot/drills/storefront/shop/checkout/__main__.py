"""Run the checkout service."""

from __future__ import annotations

from ..kit import launch
from .app import routes

launch.run("checkout", routes)
