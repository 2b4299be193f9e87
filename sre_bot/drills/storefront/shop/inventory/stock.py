"""Goods, and the holds on them."""

from __future__ import annotations

import collections
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Product:
    """One thing we sell; ``shelf`` is how many we have with no holds on them."""

    sku: str
    name: str
    price_cents: int
    shelf: int


class SoldOutError(Exception):
    """There is less on the shelf than was asked for."""


class Stock:
    """Products and the holds on them; times are seconds on one clock, whichever the caller uses."""

    def __init__(self, products: Mapping[str, Product], hold_lapses_after_s: float) -> None:
        self.products = products
        self._lapses_after_s = hold_lapses_after_s
        self._held: collections.Counter[str] = collections.Counter()
        self._holds: collections.deque[tuple[float, str, int]] = collections.deque()

    def available(self, sku: str, now: float) -> int:
        """How many of a product can be sold."""
        self._lapse(now)
        return self.products[sku].shelf - self._held[sku]

    def hold(self, wanted: Mapping[str, int], now: float) -> int:
        """Put quantities by SKU aside, all or nothing; the total price in cents.

        Raises:
            SoldOutError: one of them is not there in that quantity.
        """
        for sku, quantity in wanted.items():
            if self.available(sku, now) < quantity:
                raise SoldOutError(sku)
        for sku, quantity in wanted.items():
            self._held[sku] += quantity
            self._holds.append((now, sku, quantity))
        return sum(self.products[sku].price_cents * quantity for sku, quantity in wanted.items())

    def _lapse(self, now: float) -> None:
        while self._holds and self._holds[0][0] <= now - self._lapses_after_s:
            _, sku, quantity = self._holds.popleft()
            self._held[sku] -= quantity


def read_catalogue() -> Mapping[str, Product]:
    """The products of catalogue.yaml by SKU."""
    rows = yaml.safe_load(Path(__file__).with_name("catalogue.yaml").read_text())
    return {row["sku"]: Product(**row) for row in rows}
