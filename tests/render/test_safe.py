"""Nothing that is shown rings people, leads elsewhere, or hides; and what is meant to be read stays readable."""

from __future__ import annotations

import gzip
import json
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings

from sre_bot.render.safe import clean_text, html_safe, is_allowed, slack_safe
from tests.endings import ends
from tests.render.slack_client import dangers
from tests.render.strategies import FRAGMENTS, texts

ATTACKS = Path(__file__).parents[2] / "../shared/corpora/slack_output_attacks.jsonl.gz"
HOSTS = frozenset({"git.example.com", "prometheus.internal:9090"})


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]8;;https://evil.example\x07text\x1b]8;;\x07", "text"),
        ("\x1b]0;unfinished", ""),
        ("a\x9b31mb", "ab"),
        ("bad\x00\x07 \x08thing", "bad thing"),
        ("a\u202egnp.exe", "agnp.exe"),
        ("<\u200b!\u2060channel>\ufeff", "<!channel>"),
        ("hi\U000e0041\U000e0042", "hi"),
        ("v\ufe01s\U000e0101", "vs"),
        ("one\r\ntwo\rthree\u2028four\x85five", "one\ntwo\nthree\nfour\nfive"),
        ("lone \ud800 half", "lone \ufffd half"),
        ("\u3164\uffa0\u115fx", "x"),
    ],
)
def test_hidden_characters_go(text: str, seen: str) -> None:
    assert clean_text(text) == seen


@pytest.mark.parametrize(
    "text",
    [
        "plain\ttext\nover lines",
        "שלום مرحبا",
        "e\u0301 ไทย हिन्दी",
        "👩‍💻 👍🏽 ❤️ ☎️ 1️⃣ 🇨🇭",
        "→ ≥ “x” … ▁▂█ µs",
        "決済サービス",
    ],
)
def test_what_people_write_stays(text: str) -> None:
    assert clean_text(text) == text


def test_a_joiner_that_joins_no_emoji_goes() -> None:
    assert clean_text("pass\u200dword") == "password"


@settings(deadline=None)
@given(texts)
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    once = clean_text(text)
    assert clean_text(once) == once


@pytest.mark.parametrize(
    "url",
    [
        "https://git.example.com/shop/commit/1?x=%3Cy%3E&z=[5m]#a",
        "HTTPS://Git.Example.COM/x",
        "http://git.example.com:8080",
        "http://prometheus.internal:9090/graph?g0.expr=rate(up[5m])",
    ],
)
def test_own_addresses_are_allowed(url: str) -> None:
    assert is_allowed(url, HOSTS)


@pytest.mark.parametrize(
    "url",
    [
        "http://prometheus.internal/graph",
        "https://git.example.com.evil.example/",
        "https://git.example.com@evil.example/",
        "https://x@git.example.com/",
        "https://evil.example\\@git.example.com/",
        "https://git.example.com\\.evil.example/",
        "https://git.example.com:80@evil.example/",
        "https://git.example.com /x",
        "https://git.examplе.com/",
        "//git.example.com/x",
        "git.example.com/x",
        "javascript://git.example.com/%0aalert(1)",
        "ftp://git.example.com/",
        "https://git.example.com/x\n",
        "https:git.example.com",
        "",
    ],
)
def test_anything_unusual_about_an_address_refuses_it(url: str) -> None:
    assert not is_allowed(url, HOSTS)


@pytest.mark.parametrize(
    ("text", "posted"),
    [
        ("a < b && c > d", "a &lt; b &amp;&amp; c &gt; d"),
        ("already &lt;escaped&gt;", "already &amp;lt;escaped&amp;gt;"),
        ("<!channel> and <@U012AB3CD|ann>", "&lt;!channel&gt; and &lt;@U012AB3CD|ann&gt;"),
        ("@here, look", "@ here, look"),
        ("see https://git.example.com/a?b=1&c=2.", "see <https://git.example.com/a?b=1&amp;c=2>."),
        ("[the diff](https://git.example.com/a)", "<https://git.example.com/a|the diff>"),
        ("<https://git.example.com/a|the diff>", "<https://git.example.com/a|the diff>"),
        ("[status](https://evil.example/?q=SECRET)", "`[status](https://evil.example/?q=SECRET)`"),
        ("![x](https://evil.example/i.png 'title')", "`![x](https://evil.example/i.png 'title')`"),
        ("[r]: https://evil.example/x", "[r]: `https://evil.example/x`"),
        ("(see www.evil.example/x)", "(see `www.evil.example/x`)"),
        ("<https://evil.example|https://git.example.com>", "`&lt;https://evil.example|https://git.example.com&gt;`"),
        ("[https://evil.example](https://git.example.com/a)", "<https://git.example.com/a>"),
        ("evil.[com](https://evil.example)", "evil.`[com](https://evil.example)`"),
        ("@[here](https://git.example.com/a)", "@<https://git.example.com/a|here>"),
        ("image ghcr.io/x/y:1 was pulled", "image `ghcr.io/x/y:1` was pulled"),
        ("in payment/client.py, line 3", "in `payment/client.py`, line 3"),
        ("e.g. 1.5 s, v1.2.3, 10.0.0.1:9090, 99.95 %", "e.g. 1.5 s, v1.2.3, 10.0.0.1:9090, 99.95 %"),
        ("wörd`https://evil.example`wörd", "wörd `https://evil.example` wörd"),
        ("`open https://evil.example/x", "'open `https://evil.example/x`"),
        ("`rate(x[5m]) > 1 @here`", "`rate(x[5m]) &gt; 1 @ here`"),
        ("```\nfoo: <!here>\n```", "```\nfoo: &lt;!here&gt;\n```"),
        ("**bold** and _it_", "*bold* and _it_"),
    ],
)
def test_what_slack_gets(text: str, posted: str) -> None:
    assert slack_safe(text, HOSTS) == posted
    assert dangers(posted, HOSTS) == []


def test_no_host_allowed_means_no_link() -> None:
    assert slack_safe("https://git.example.com/x", frozenset()) == "`https://git.example.com/x`"


@settings(deadline=None, max_examples=500)
@given(texts)
def test_no_text_rings_anyone_or_links_elsewhere(text: str) -> None:
    assert dangers(slack_safe(text, HOSTS), HOSTS) == []


def test_corpus_of_attacks_is_harmless() -> None:
    if not ATTACKS.exists():
        pytest.skip("the corpus of attacks is not here")
    with gzip.open(ATTACKS, "rt", encoding="utf-8") as rows:
        attacks = [json.loads(row)["text"] for row in rows]
    hosts = frozenset({"grafana.internal"})
    assert {text: found for text in attacks if (found := dangers(slack_safe(text, hosts), hosts))} == {}


class Elements(HTMLParser):
    """All elements and attributes of a piece of HTML, and its text."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@settings(deadline=None, max_examples=300)
@given(texts)
def test_html_holds_no_element_of_the_text(text: str) -> None:
    elements = Elements(html_safe(text, HOSTS)).elements
    assert {tag for tag, _ in elements} <= {"a", "code", "pre", "br"}
    for tag, attributes in elements:
        assert set(attributes) == ({"href", "rel"} if tag == "a" else set())
        assert tag != "a" or is_allowed(attributes["href"] or "", HOSTS)


HOSTILE = (*FRAGMENTS, "a.", "[a](b:", "<a:", "https://x)", "a/", "1.1.")


@pytest.mark.parametrize("piece", HOSTILE)
def test_hostile_repetition_comes_to_an_end(piece: str) -> None:
    with ends():
        slack_safe(piece * (200_000 // len(piece)), HOSTS)
