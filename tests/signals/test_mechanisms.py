"""A change fits a failure when it does what such failures come from."""

from __future__ import annotations

import pytest

from sre_bot.signals.diffs import read_diff
from sre_bot.signals.mechanisms import MECHANISMS, fit, shown
from sre_bot.signals.words import terms

# what is logged, and the change that brings such a thing about
PAIRS = [
    ("memory", "OOMKilled: container exceeded memory limit", "+_log = []\n+_log.append(entry)"),
    ("pool", "timed out acquiring a connection from the pool", "-max_connections = 40\n+max_connections = 4"),
    ("deadline", "context deadline exceeded", "-timeout: 5s\n+timeout: 100ms"),
    ("queries", "slow query: SELECT * FROM carts", "+for c in carts:\n+    c.items = session.query(Item).get(c.id)"),
    ("missing value", "TypeError: Cannot read properties of undefined", "-const id = user?.id\n+const id = user.id"),
    ("race", "deadlock detected", "-synchronized (lock) { n++; }\n+n++;"),
    ("disk", "write failed: no space left on device", "-log_level: info\n+log_level: debug"),
    ("processor", "cpu throttled", "+PATTERN = re.compile('(x+)+y')"),
    ("schema", 'relation "favourites" does not exist', '+db.execute("SELECT * FROM favourites")'),
    ("trust", "x509: certificate signed by unknown authority", "-ca_bundle: /a.pem\n+ca_bundle: /b.pem"),
    ("names", "lookup db.internal: no such host", "-db_host: db.internal\n+db_host: db.internl"),
    ("permission", "403 Forbidden: invalid token", "-audience: shop\n+audience: store"),
    ("format", "cannot unmarshal string into field", '-Qty int `json:"qty"`\n+Qty int `json:"quantity"`'),
    ("limits", "429 Too Many Requests", "-rate_limit: 500\n+rate_limit: 50"),
    ("backlog", "consumer lag grows", "-prefetch: 100\n+prefetch: 1"),
    ("too much traffic of our own", "retry storm towards ledger", "-attempts: 2\n+attempts: 9"),
    ("start", "CrashLoopBackOff: readiness probe failed", "-  port: 8080\n+  port: 9090"),
    ("wrong results", "stale price served", "-cache_ttl: 5s\n+cache_ttl: 10h"),
    ("handles", "accept: too many open files", "-  defer body.Close()\n+  read(body)"),
    ("session", "login loop: session cookie was not sent", "-cookie_domain: a.example\n+cookie_domain: b.example"),
    ("interface", "TypeError: got an unexpected keyword argument 'size'", "-drawing==3.2.1\n+drawing==4.0.0"),
    ("time", "schedule ran twice at midnight", "-time_zone: UTC\n+time_zone: CET"),
    ("slow", "request latency is high", "+for row in rows:\n+    owner = client.fetch(row)"),
]


@pytest.mark.parametrize(("name", "logged", "diff"), PAIRS)
def test_a_change_that_brings_about_what_is_logged_fits(name: str, logged: str, diff: str) -> None:
    found = [mechanism for mechanism in shown([logged]) if mechanism.name == name]
    assert found, "the failure is not recognized"
    weight, told = fit(found, read_diff(diff), frozenset())
    assert told == name
    assert weight >= 0.5 * found[0].weight


def test_every_mechanism_has_a_case() -> None:
    assert {name for name, _, _ in PAIRS} == {mechanism.name for mechanism in MECHANISMS}


def test_a_change_of_other_things_fits_less_or_not_at_all() -> None:
    found = shown(["panic: nil pointer dereference"])
    assert fit(found, read_diff("-colour = red\n+colour = blue"), frozenset()) == (0.0, "missing value")


def test_an_effect_on_such_a_thing_fits_best_then_words_then_a_title() -> None:
    found = shown(["deadline exceeded"])
    both = fit(found, read_diff("-timeout: 5s\n+timeout: 1s"), frozenset())[0]
    words = fit(found, read_diff("+timeout_total.inc()"), frozenset())[0]
    title = fit(found, read_diff(""), terms("Shorten the timeout"))[0]
    assert both > words > title > 0


def test_without_anything_shown_nothing_fits() -> None:
    assert shown(["all is well"]) == ()
    assert fit((), read_diff("-a: 1\n+a: 2"), frozenset()) == (0.0, "")
