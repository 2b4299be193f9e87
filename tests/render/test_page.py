"""The page shows everything, needs nothing from elsewhere, and holds no markup but its own."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sre_bot.render.page import PageMessage, PagePicture, page
from sre_bot.render.safe import is_allowed
from tests.render import sample_answers as samples
from tests.render.strategies import answers, moments, texts
from tests.render.test_safe import Elements

if TYPE_CHECKING:
    from sre_bot.investigation import Answer

THREAD = (
    PageMessage("ann", samples.ASKED, "<@U0BOT> checkout is failing, what's going on?"),
    PageMessage("sre-bot", samples.ASKED + timedelta(seconds=38), "*Very likely* a deploy\n• roll back", bot=True),
)
ATTRIBUTES = {
    *("lang", "charset", "http-equiv", "content", "name", "class", "id", "href", "rel", "datetime", "style"),
    *("aria-label", "aria-hidden", "role", "viewbox", "x", "y", "x1", "x2", "y1", "y2", "d", "text-anchor"),
}
ELEMENTS = {
    *("html", "head", "meta", "title", "style", "body", "main", "section", "article", "header", "nav", "div", "span"),
    *("h1", "h2", "h3", "p", "b", "i", "strong", "em", "small", "code", "pre", "ul", "ol", "li", "a", "br", "time"),
    *("details", "summary", "figure", "figcaption", "svg", "line", "text", "path"),
}


def shown(answer: Answer | None) -> str:
    return page("#incidents", THREAD, answer, allowed_hosts=samples.HOSTS, people={"U0BOT": "sre-bot"})


def test_the_thread_reads_as_in_slack() -> None:
    text = Elements(shown(None)).text
    assert "#incidentsSunday, 22 November 2026" in text
    assert "ann03:14:07 UTC@sre-bot checkout is failing" in text
    assert "sre-botAPP03:14:45 UTCVery likely a deployroll back" in text


def test_the_answer_shows_every_part_with_its_evidence() -> None:
    html = shown(samples.BAD_DEPLOY)
    text = Elements(html).text.replace("\N{NO-BREAK SPACE}", " ")
    for part in ("very likely change 3f2a91c7d0 (82 %)", "since 03:02:15 UTC", "What is going on?", "What caused it?"):
        assert part in text
    for part in ("What next?", "Ruled out", "Could not be seen", "loki: connection refused", "Unverified", "Evidence"):
        assert part in text
    assert html.count("<svg") == 2
    assert html.count('class="card"') == 6
    assert 'href="#evidence-2"' in html
    assert 'id="evidence-2"' in html


def test_long_messages_are_folded_before_the_first_heading() -> None:
    lines = "\n".join(["*top*", "*What is going on?*", *(f"• {n}" for n in range(40))])
    html = page("t", [PageMessage("sre-bot", samples.ASKED, lines, bot=True)], None)
    assert "<p><strong>top</strong></p><details><summary>Show the whole message</summary>" in html
    assert '<p class="bullet">39</p>' in html


def test_nothing_is_loaded_and_no_script_may_run() -> None:
    html = shown(samples.BAD_DEPLOY)
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', html)
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    assert not re.search(r"<script|<img|<link|<iframe|@import|url\(|\bsrc=", html)


def test_a_picture_is_in_the_page_itself_with_its_words() -> None:
    message = PageMessage("sre-bot", samples.ASKED, "Chart", bot=True, pictures=(PagePicture(b"png", '"<b>" rises'),))
    html = page("t", [message], None)
    assert 'src="data:image/png;base64,cG5n" alt="&quot;&lt;b&gt;&quot; rises"' in html


def test_links_lead_to_allowed_hosts_only() -> None:
    foreign = page("t", [], samples.BAD_DEPLOY)
    assert set(re.findall(r'href="([^#"][^"]*)"', foreign)) == set()
    assert "https://git.example.com/shop/commit/" in shown(samples.BAD_DEPLOY)


@pytest.mark.parametrize("name", samples.ALL)
def test_every_sample_makes_a_page(name: str) -> None:
    assert_harmless(shown(samples.ALL[name]))


@settings(deadline=None, max_examples=20)
@given(st.lists(st.builds(PageMessage, texts, moments, texts, st.booleans()), max_size=3), texts, answers)
def test_no_input_becomes_markup(messages: list[PageMessage], title: str, answer: Answer) -> None:
    assert_harmless(page(title, messages, answer, allowed_hosts=samples.HOSTS, people={"U1": title}))


def assert_harmless(html: str) -> None:
    elements = Elements(html).elements
    assert {tag for tag, _ in elements} <= ELEMENTS
    for tag, attributes in elements:
        assert set(attributes) <= ATTRIBUTES, tag
        href = attributes.get("href") or "#"
        assert re.fullmatch(r"#(evidence-[0-9]+)?", href) or is_allowed(href, samples.HOSTS)
        assert re.fullmatch(r"(width:[0-9]+%|(color|stroke):var\(--c[0-9]\))?", attributes.get("style") or "")
    html.encode()
