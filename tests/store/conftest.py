"""An empty database, opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sre_bot.store.database import open_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Engine


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """SQLite in a file."""
    opened = open_database(f"sqlite:///{tmp_path / 'state.sqlite'}")
    yield opened
    opened.dispose()
