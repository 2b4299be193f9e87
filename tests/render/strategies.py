"""Hostile texts, and answers made of them."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import strategies as st

from sre_bot.investigation import (
    Answer,
    CauseKind,
    Chart,
    ChartLine,
    ChartMark,
    Claim,
    Evidence,
    Hypothesis,
    Link,
    MissingSource,
    Observation,
    Question,
    Remediation,
    RemediationAction,
    Report,
    Suspect,
    Unverified,
)

FRAGMENTS = (
    *("<!channel>", "<!here|x>", "<@U012AB3CD>", "<#C012AB3CD|ops>", "<!subteam^S1>", "@here", "@channel", "@everyone"),
    *(
        "https://evil.example/x",
        "http://git.example.com.evil.example",
        "https://git.example.com@evil.example/",
        "//evil.example",
    ),
    *(
        "www.evil.example",
        "evil.example?d=1",
        "evil.example",
        "ann@evil.example",
        "mailto:x@evil.example",
        "data:text/html,x",
    ),
    *(
        "https://git.example.com/shop?a=1&b=2",
        "https://prometheus.internal:9090/graph?g0.expr=up",
        "javascript:alert(1)",
    ),
    *(
        "[text](https://evil.example)",
        "![x](https://evil.example/i.png)",
        "[r]: https://evil.example",
        "[a](git.example.com)",
    ),
    *(
        "<https://evil.example|text>",
        "<https://git.example.com|https://evil.example>",
        "[x](https://git.example.com/y)",
    ),
    *(
        "ghcr.io/x/y:1",
        "payment/client.py",
        "1.5",
        "v1.2.3",
        "rate(http_requests_total[5m])",
        "a && b < c > d",
        "&amp;",
    ),
    *(
        "`",
        "``",
        "```",
        "`code`",
        "*",
        "**",
        "_",
        "~",
        ">",
        "<",
        "&",
        "|",
        "(",
        ")",
        "[",
        "]",
        "\n",
        " ",
        "\t",
        "@",
        ".",
        "/",
    ),
    *(
        "\u200b",
        "\u202e",
        "\u2066",
        "\x1b[31m",
        "\x1b]8;;https://evil.example\x07",
        "\x9b31m",
        "\U000e0041",
        "\ufeff",
        "\r",
    ),
    *(
        "since 03:02",
        "03:02:15",
        "2026-11-22T03:02:15Z",
        "02-30 03:02:15 UTC",
        "<!date^1^{time}^https://evil.example|x>",
        "<script>alert(1)</script>",
        '" onload="x',
        "'",
        "\u05e9\u05dc\u05d5\u05dd",
        "e\u0301",
        "👩\u200d💻",
        "❤\ufe0f",
        "\ud800",
    ),
    *("\u3002", "evil\u3002example", "é", "x", "9", "here"),
)

texts = st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.text(max_size=5)), max_size=10).map("".join)
"""Texts put together of what attacks are made of."""

long_texts = st.builds(lambda text, times: text * times, texts, st.sampled_from((1, 1, 1, 60)))
ids = st.one_of(st.sampled_from(("E1", "E2", "E3")), texts)
claims = st.builds(Claim, long_texts, st.lists(ids, max_size=4).map(tuple))
several = st.lists(claims, max_size=4).map(tuple)
many = st.builds(lambda items, times: items * times, several, st.sampled_from((1, 1, 12)))
moments = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis wants naive bounds
unix = st.floats(1.7e9, 1.8e9)
values = st.one_of(st.none(), st.floats(), st.floats(0, 1), st.integers(-9, 9).map(float))
links = st.builds(Link, texts, st.one_of(texts, st.sampled_from([f for f in FRAGMENTS if "://" in f]), long_texts))


@st.composite
def chart_lines(draw: st.DrawFn) -> ChartLine:
    times = sorted(draw(st.lists(unix, max_size=12)))
    drawn = draw(st.lists(values, min_size=len(times), max_size=len(times)))
    return ChartLine(draw(texts), tuple(times), tuple(drawn))


charts = st.builds(
    Chart,
    texts,
    st.one_of(
        texts, st.sampled_from(("ratio", "seconds", "bytes", "percent", "requests/s", "bytes/s", "milliseconds", ""))
    ),
    st.lists(chart_lines(), max_size=8).map(tuple),
    st.lists(st.builds(ChartMark, unix, st.one_of(texts, st.just("onset"))), max_size=8).map(tuple),
)
observations = st.builds(
    Observation,
    long_texts,
    long_texts,
    st.booleans(),
    st.none(),
    st.lists(links, max_size=3).map(tuple),
    st.lists(charts, max_size=2).map(tuple),
)
evidence = st.builds(Evidence, ids, texts, st.just({}), observations)
hypotheses = st.builds(
    Hypothesis, claims, st.sampled_from(CauseKind), st.floats(0, 1), st.none() | texts, st.none() | texts
)
reports = st.builds(
    Report,
    what=many,
    impact=several,
    hypotheses=st.lists(hypotheses, max_size=6).map(tuple),
    ruled_out=many,
    next_steps=many,
    unknown=st.lists(long_texts, max_size=5).map(tuple),
    remediation=st.none() | st.builds(Remediation, st.sampled_from(RemediationAction), st.none() | texts),
    unverified=st.lists(st.builds(Unverified, long_texts, texts), max_size=5).map(tuple),
    missing=st.lists(st.builds(MissingSource, texts, long_texts), max_size=5).map(tuple),
)
answers = st.builds(
    Answer,
    question=st.builds(Question, texts, moments),
    model=texts,
    prompt=st.none() | texts,
    report=reports,
    evidence=st.lists(evidence, max_size=6).map(tuple),
    suspects=st.lists(st.builds(Suspect, st.none() | texts, st.floats(0, 1)), max_size=2).map(tuple),
    note=st.none() | long_texts,
)
"""Answers of any size, their texts hostile."""
