"""Pages as HTML."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def euros(cents: int) -> str:
    """A price as people read it."""
    return f"{cents // 100}.{cents % 100:02d} €"


def shelf(products: Iterable[Mapping[str, Any]], banner: str) -> str:
    """All products."""
    items = "".join(
        f'<li><a href="/products/{escape(product["sku"])}">{escape(product["name"])}</a>'
        f" {euros(product['price_cents'])}{'' if product['available'] else ' (sold out)'}</li>"
        for product in products
    )
    return _page("Larder", f"<p>{escape(banner)}</p><ul>{items}</ul>")


def product(item: Mapping[str, Any]) -> str:
    """One product."""
    price = euros(item["price_cents"])
    return _page(item["name"], f"<h1>{escape(item['name'])}</h1><p>{price}, {item['available']} left</p>")


def _page(title: str, body: str) -> str:
    return f"<!doctype html><html><head><title>{escape(title)}</title></head><body>{body}</body></html>"
