"""A diff is read as a reviewer reads it: what it sets, takes away or adds, and whether it only moves things around."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sre_bot.signals.diffs import Effect, changed_lines, is_idle, read_diff

RISKY = [
    (Effect.SETTING, "-const maxIdle = 64\n+const maxIdle = 4", "maxIdle: 64 → 4"),
    (Effect.SETTING, "-  ttl: 1h\n+  ttl: 5s", "ttl: 1h → 5s"),
    (Effect.SETTING, "-    retries: 2\n+    retries: 10", "retries: 2 → 10"),
    (Effect.SETTING, "-LOG_LEVEL=warn\n+LOG_LEVEL=debug", "LOG_LEVEL: warn → debug"),
    (Effect.SETTING, "-strict = True\n+strict = False", "strict: True → False"),
    (Effect.SETTING, '-  `json:"user_id"`\n-  Id string `json:"id"`\n+  Id string `json:"uid"`', "Id string: json:"),
    (Effect.SETTING, "-  client.setTimeout(5 * Seconds)\n+  client.setTimeout(200 * Millis)", "client setTimeout"),
    (Effect.SETTING, '-  host: "db.internal"\n+  host: "db2.internal"', "host: db.internal → db2.internal"),
    (Effect.GUARD, "-if (user == null) return;\n send(user.name)", "the check of user"),
    (Effect.GUARD, "-    if profile is not None:\n-        show(profile)\n+    show(profile)", "the check of profile"),
    (Effect.GUARD, "-  synchronized (this) { total += n; }\n+  total += n;", "a lock"),
    (Effect.GUARD, "-  const name = user?.name\n+  const name = user.name", "the check of user"),
    (Effect.GUARD, "-  conn.close()\n+  pass", "a release"),
    (Effect.GUARD, "-  q = q.limit(100)\n+  q = q.all()", "limit"),
    (Effect.GUARD, "-  r = get(url, timeout=3)\n+  r = get(url)", "timeout"),
    (Effect.CALLS, "+    for row in rows:\n+        row.owner = session.query(User).get(row.owner_id)", ""),
    (Effect.CALLS, "+ const items = await Promise.resolve(fetch(url))", ""),
    (Effect.CALLS, '+  rows = db.execute("SELECT * FROM carts")', ""),
    (Effect.GROWTH, "+_seen = []\n+def note(x):\n+    _seen.append(x)", ""),
    (Effect.GROWTH, "+private static final Map<String, Job> JOBS = new HashMap<>();\n+JOBS.put(id, job);", ""),
    (Effect.GROWTH, "+const sessions = new Map()\n+sessions.set(id, socket)", ""),
    (Effect.SCHEMA, "+ALTER TABLE orders DROP COLUMN note;", ""),
    (Effect.SCHEMA, "+CREATE INDEX orders_day ON orders (day);", ""),
    (Effect.LOGIC, "-  if age >= limit:\n+  if age > limit:", ""),
    (Effect.LOGIC, "-  return a && b\n+  return a || b", ""),
    (Effect.LOGIC, '-  get("SELECT id FROM jobs WHERE at > $1")\n+  get("SELECT id FROM jobs WHERE at >= $1")', ""),
    (Effect.SETTING, '-  schedule: "0 4 * * 1"\n+  schedule: "*/5 * * * *"', "schedule: 0 4 * * 1 → */5 * * * *"),
    (Effect.WORK, "-  buffer.write(line)\n+  file.write(line)\n+  file.Sync()", ""),
    (Effect.REMOVAL, "-  cache.warm()\n-  serve()\n+  serve()", ""),
    (Effect.WORK, "+  pattern = re.compile('(a+)+$')", ""),
    (Effect.WORK, "+  with lock: sleep(1)", ""),
    (Effect.SETTING, "-  name = 1;\n-  size = 2;\n+  name = 2;\n+  size = 1;", "name: 1 → 2"),
    (Effect.SETTING, "-  cookie(same_site: :lax)\n+  cookie(same_site: :strict)", "cookie same_site: lax → strict"),
    (Effect.SETTING, "-  tx(Level.SERIALIZABLE)\n+  tx(Level.READ_COMMITTED)", "SERIALIZABLE → READ_COMMITTED"),
    (Effect.GUARD, "-  with Session() as s:\n-    s.add(x)\n+  s = Session()\n+  s.add(x)", "a release"),
    (Effect.GUARD, "-  for rows in read(chunk=500):\n+  for rows in read():", "chunk"),
    (Effect.REMOVAL, '-  key = shop + ":" + name\n+  key = name', ""),
    (Effect.WORK, "-  return next(rows)\n+  return rows.fetchall()", ""),
    (Effect.SCHEMA, "+    remove_index :orders, :day", ""),
    (Effect.PATTERN, "-  word: /\\w+/,\n+  word: /^(\\w+\\s?)+$/,", ""),
    (Effect.BUMP, "-  libpq v1.4.2\n+  libpq v1.5.0", ""),
    (Effect.BUMP, '-  "axios": "^1.6.0"\n+  "axios": "^1.7.0"', ""),
    (Effect.BUMP, "-FROM alpine:3.18\n+FROM alpine:3.19", ""),
]

HARMLESS = [
    "-def total(a, b):\n-    return a + b\n+def total(first, second):\n+    return first + second",
    "-  if err != nil { return nil, err }\n-  return v, nil\n+  return load(k)\n-  v, err := load(k)",
    "-  http.Error(w, err.Error(), 400)\n+  writeError(w, http.StatusBadRequest, err)",
    "-x = open(p)\n-y = x.read()\n-x.close()\n+y = contents(p)\n+x = open(p)\n+y = x.read()\n+x.close()",
    '-log("received %d", n)\n+log("got %d", n)',
    "-a: 10\n-b: 20\n+b: 20\n+a: 10",
    '-  accent: "#3b82f6",\n+  accent: "#2563eb",',
    "-  padding: 8px\n+  padding: 10px",
    "-# wait 5 seconds\n+# wait 10 seconds",
    "+import metrics",
    '-log.info("started")\n+log.info("started", shard=shard)',
    '-return {"id": row.id, "size": 3}\n+return Answer.of(row)',
    "-if v < 10 || v > 20 { return errRange }\n+if err := inRange(v, 10, 20); err != nil { return err }",
]

ADDS = ["+rid := r.Header.Get(name)", "-show(label)\n+show(label, copies=2)", "+ if kind == 'b' { return skip(r) }"]
REWRITES = ["-  return Money{raw}\n+  return Money{raw / 100}", "-  day(first)\n+  day(last - 1)"]


@pytest.mark.parametrize(("effect", "diff", "told"), RISKY)
def test_what_may_break_something_is_seen(effect: Effect, diff: str, told: str) -> None:
    reading = read_diff(diff)
    assert effect in reading.effects
    assert not reading.restructures
    assert told in "; ".join(reading.told)


@pytest.mark.parametrize("diff", HARMLESS)
def test_what_is_only_moved_renamed_reworded_or_restyled_does_nothing(diff: str) -> None:
    reading = read_diff(diff)
    assert reading.effects == frozenset()
    assert reading.told == ()
    assert reading.restructures


@pytest.mark.parametrize("diff", ADDS)
def test_what_leaves_all_that_was_there_only_adds(diff: str) -> None:
    reading = read_diff(diff)
    assert (reading.only_adds, reading.restructures, reading.effects) == (True, False, frozenset())


@pytest.mark.parametrize("diff", REWRITES)
def test_what_computes_with_other_numbers_or_operators_is_not_the_same_as_before(diff: str) -> None:
    reading = read_diff(diff)
    assert (reading.is_conserving, reading.restructures) == (False, False)


def test_a_small_bump_changes_no_more_than_the_last_number_of_a_version() -> None:
    assert read_diff("-  libpq v1.4.2\n+  libpq v1.4.3").is_small_bump
    assert not read_diff("-  libpq v1.4.2\n+  libpq v2.0.0").is_small_bump
    assert not read_diff("-size = 20\n+size = 2").is_small_bump


def test_what_is_taken_from_a_pool_and_given_back_asks_nobody() -> None:
    taken = "-d := newDecoder()\n+d := decoders.Get()\n+defer decoders.Put(d)"
    assert Effect.CALLS not in read_diff(taken).effects
    assert Effect.CALLS in read_diff("+d := decoders.Get()").effects


def test_growth_that_is_bounded_is_no_growth() -> None:
    assert Effect.GROWTH not in read_diff("+var recent = lru.New(256)\n+recent.add(x)").effects
    assert Effect.GROWTH not in read_diff("+_seen = []\n+_seen.append(x)\n+del _seen[:-MAX_SEEN]").effects


def test_words_that_are_changed_are_told_from_words_that_are_moved() -> None:
    reading = read_diff("-pool.open(wide)\n+pool.open(narrow)")
    assert reading.changed == {"wide", "narrow"}
    assert reading.all_words == {"pool", "open", "wide", "narrow"}


def test_what_a_setting_is_called_counts_as_changed_although_both_lines_say_it() -> None:
    assert {"max", "conn"} <= read_diff("-maxConns = 50\n+maxConns = 10").changed


def test_without_a_diff_nothing_is_known() -> None:
    reading = read_diff("")
    assert (reading.is_known, reading.restructures, reading.effects) == (False, False, frozenset())


def test_headers_and_context_are_no_changes() -> None:
    diff = "--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n same = 1\n-size = 20\n+size = 2\n+\n"
    assert changed_lines(diff) == [("-", "size = 20"), ("+", "size = 2")]


def test_what_comes_back_in_a_helper_is_only_put_differently() -> None:
    moved = "-  if age > 3: raise Old\n+  check(age)\n+def check(age):\n+  if age > 3: raise Old"
    assert read_diff(moved).restructures


def test_what_becomes_an_attribute_is_still_checked() -> None:
    assert Effect.GUARD not in read_diff("-if _last is None:\n+    if self._last is None:").effects


def test_a_pinned_version_is_bumped_and_sets_no_value() -> None:
    assert read_diff("-flask==3.0.1\n+flask==3.0.2").effects == {Effect.BUMP}


@pytest.mark.parametrize(
    "line",
    ["x = 20 * time.Minute", "Duration.ofMinutes(20)", "timedelta(minutes=20)", "ttl_seconds: 1200", "ttl: 20m"],
)
def test_lengths_of_time_are_read_however_they_are_written(line: str) -> None:
    assert read_diff(f"-{line.replace('20', '90')}\n+{line}").lasts == {timedelta(minutes=20)}


def test_only_another_schedule_makes_something_run_at_another_time() -> None:
    assert read_diff('-  schedule: "0 4 * * 1"\n+  schedule: "*/5 * * * *"').reschedules
    assert not read_diff('+  schedule: "*/5 * * * *"').reschedules


def test_comments_and_versions_of_what_checks_programs_alone_run_nothing() -> None:
    assert is_idle('-  "eslint": "8.1.0",\n+  "eslint": "9.0.0",')
    assert not is_idle('-  "axios": "1.1.0",\n+  "axios": "2.0.0",')
    assert is_idle("-// old\n+// new\n+")
    assert not is_idle("-// old\n+x = 1")
    assert not is_idle("")


lines = st.lists(st.text(alphabet="ab1.(){}=\"'<>!&| \t#-+", max_size=30), max_size=12)


@given(lines, lines)
def test_nothing_that_one_can_write_breaks_it(removed: list[str], added: list[str]) -> None:
    reading = read_diff("\n".join([*(f"-{line}" for line in removed), *(f"+{line}" for line in added)]))
    assert reading.changed <= reading.all_words | reading.changed
    assert not (reading.restructures and reading.effects)


code = st.lists(st.text(alphabet="ab1.(){}=\"'<>!&| #", max_size=30), max_size=12)


@given(code)
def test_lines_that_only_change_places_set_nothing_and_take_nothing_away(moved: list[str]) -> None:
    diff = "\n".join([*(f"-{line}" for line in moved), *(f"+{line}" for line in reversed(moved))])
    assert not read_diff(diff).effects & {Effect.SETTING, Effect.GUARD, Effect.CALLS, Effect.REMOVAL}


@given(st.text(max_size=300))
def test_no_text_whatever_breaks_it(text: str) -> None:
    assert read_diff(text).is_known == bool(changed_lines(text))
