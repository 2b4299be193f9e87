"""Packages that run when they are needed."""

from __future__ import annotations

import subprocess
import sys
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

FILES = {
    "shop/__init__.py": """
        from .prices import Price as Price, total as sum_of
        from .stock import *
        print("shop runs")
        VERSION = 3
        """,
    "shop/prices.py": """
        from .units import Euro
        print("prices")
        class Price: unit = Euro
        def total() -> int: return 7
        """,
    "shop/stock.py": "print('stock')\nIN_STOCK = 5",
    "shop/units/__init__.py": "from .euro import Euro\nfrom .dollar import Dollar",
    "shop/units/euro.py": "print('euro')\nclass Euro: pass",
    "shop/units/dollar.py": "print('dollar')\nclass Dollar: pass",
}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder with a package in it that imports all it has, telling when something of it runs."""
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))
    return tmp_path


def running(code: str, folder: Path) -> list[str]:
    """What it prints, in an interpreter of its own: what is imported cannot be taken back."""
    code = "from sre_bot.agent.deferred import defer\ndefer('shop')\n" + dedent(code)
    told = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        check=True,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": ":".join((str(folder), *sys.path))},
    )
    return told.stdout.splitlines()


def test_to_import_a_module_runs_no_package_around_it(shop: Path) -> None:
    assert running("import shop.stock", shop) == ["stock"]


@pytest.mark.parametrize(
    ("code", "ran"),
    [
        ("from shop import Price; print(Price.unit.__name__)", ["euro", "prices", "Euro"]),
        ("from shop import sum_of; print(sum_of())", ["euro", "prices", "7"]),
        ("from shop import units; print(units.Dollar.__name__)", ["dollar", "Dollar"]),
        ("import shop; print(shop.stock.IN_STOCK)", ["stock", "5"]),
        ("import shop; print(hasattr(shop, '__wrapped__'))", ["False"]),
    ],
)
def test_a_name_is_looked_up_where_the_package_takes_it_from(shop: Path, code: str, ran: list[str]) -> None:
    assert running(code, shop) == ran


@pytest.mark.parametrize("code", ["from shop import VERSION; print(VERSION)", "from shop import *; print(VERSION)"])
def test_a_package_runs_once_for_what_it_says_itself(shop: Path, code: str) -> None:
    assert running(f"{code}\nfrom shop import IN_STOCK", shop) == ["euro", "prices", "stock", "shop runs", "3"]


def test_a_name_that_is_nowhere_is_an_import_error(shop: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError) as failed:
        running("from shop import nothing", shop)
    assert "ImportError: cannot import name 'nothing' from 'shop'" in failed.value.stderr


def test_of_the_models_client_all_names_can_still_be_had_and_are_the_same(tmp_path: Path) -> None:
    """Also where a name of a package is that of one of its modules."""
    code = """
        import asyncio, sys
        from sre_bot.agent.claude import preload
        asyncio.run(preload())
        deferred = [one for name, one in sys.modules.items() if type(one).__name__ == "_Package"]
        print(len(deferred) > 10)
        had = {one: {name: getattr(one, name) for name in one.__spec__.loader.taken_over} for one in deferred}
        for one, names in had.items():
            if type(one).__name__ == "_Package":
                one.__spec__.loader.run(one)
            print(*(name for name, value in names.items() if getattr(one, name) is not value), end="")
        """
    assert running(code, tmp_path) == ["True"]
