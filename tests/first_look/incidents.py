"""Incidents of several kinds, as scenes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from sre_bot.first_look.discovery import Sign
from tests.first_look.scenes import ONSET, TIMES, Scene, level, shop

if TYPE_CHECKING:
    from sre_bot.investigation import Claim

BAD, OLD, OTHER = "b" * 40, "a" * 40, "c" * 40


def texts(claims: tuple[Claim, ...]) -> list[str]:
    return [claim.text for claim in claims]


def bad_deploy() -> Scene:
    """Checkout gives up on payments too soon since a deploy; web feels it; payments and inventory are well."""
    failing = level(0, 0.4, noise=0)
    scene = Scene()
    scene.service("web", failing=level(0, 0.1, noise=0), rate=level(100, noise=0)).service("checkout", failing=failing)
    scene.service("inventory").service("payments")
    scene.calls("web", "checkout", failing=failing, status="502").calls("checkout", "inventory")
    scene.calls("checkout", "payments", failing=failing, status="timeout")
    scene.fires("CheckoutErrors", runbook_url="https://runbooks.example/checkout", summary="40 % of orders fail")
    scene.commit(OLD, 3000, "checkout: say hello", "checkout/app.py")
    scene.commit(OTHER, 40, "web: nicer", "web/page.py").commit(
        BAD, 30, "checkout: short timeouts", "checkout/conf.yaml"
    )
    scene.deploy(OLD, 2900, "checkout").deploy(OTHER, 25, "web").deploy(BAD, 11, "checkout").deploy(BAD, 4, "inventory")
    return scene


SCENES = {
    "healthy": shop(),
    "empty": Scene(),
    "bad deploy": bad_deploy(),
    "third party": bad_deploy().calls("checkout", "api.pay.example", failing=level(0, 0.9, noise=0), status="503"),
    "unseen peer": bad_deploy().calls("checkout", "db:5432", failing=level(0, 0.9, noise=0)),
    "surge": Scene().service("checkout", rate=level(20, 100, 12), failing=level(0, 0.3, noise=0)).fires("Errors"),
    "down": shop().gauge("up", Sign.UP, "checkout", level(1, 0, noise=0)).fires("Down"),
    "pool": shop().gauge("pool_in_use", Sign.SATURATION, "checkout", level(0.2, 1, noise=0), "pool_max"),
    "gone": Scene()
    .service("web", failing=level(0, 0.4, noise=0))
    .service("checkout", rate=np.where(ONSET.timestamp() > TIMES, 20, np.nan))
    .calls("web", "checkout", failing=level(0, 0.4, noise=0), status="connection_error"),
    "alert only": shop().fires("Mysterious").fires("Lonely", None),
    "commit only": replace(bad_deploy(), deploys=[]),
}
