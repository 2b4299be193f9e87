"""Our own posts read on the page as they do in Slack."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from sre_bot.render.mrkdwn import mrkdwn_lines
from sre_bot.render.safe import is_allowed, slack_safe
from tests.render.strategies import texts
from tests.render.test_safe import HOSTS, Elements


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("*bold* and _it_ and `code`", "<p><strong>bold</strong> and <em>it</em> and <code>code</code></p>"),
        ("http_requests_total * 2 * 3", "<p>http_requests_total * 2 * 3</p>"),
        ("• since *03:02* `a &lt; b`", '<p class="bullet">since <strong>03:02</strong> <code>a &lt; b</code></p>'),
        ("*`x`*", "<p><strong><code>x</code></strong></p>"),
        ("a &lt; b &amp;&amp; c", "<p>a &lt; b &amp;&amp; c</p>"),
        ("<@U1>, <!here>", '<p><span class="mention">@sre-bot</span>, <span class="mention">@here</span></p>'),
        ("in <#C1|ops>", '<p>in <span class="mention">#ops</span></p>'),
        (
            "<https://git.example.com/x?a=1&amp;b=2|commit>",
            '<p><a href="https://git.example.com/x?a=1&amp;b=2" rel="noopener noreferrer">commit</a></p>',
        ),
        ("<https://evil.example|commit>", "<p>commit <code>https://evil.example</code></p>"),
        ("*<!date^1795316535^{date_short} {time}|03:02 UTC>*", "<p><strong>03:02 UTC</strong></p>"),
        ("```a\n  b```", '<p><code class="fence">a\n  b</code></p>'),
        (":warning: <b>", "<p>⚠️ <code>b</code></p>"),
        ("", '<p class="gap"></p>'),
        ("\ue0000\ue001", "<p>0</p>"),
    ],
)
def test_markup_becomes_html(text: str, line: str) -> None:
    assert mrkdwn_lines(text, HOSTS, {"U1": "sre-bot"}) == [line]


@settings(deadline=None, max_examples=300)
@given(texts)
def test_no_text_becomes_an_element_or_a_foreign_link(text: str) -> None:
    for posted in (text, slack_safe(text, HOSTS)):
        elements = Elements("".join(mrkdwn_lines(posted, HOSTS, {}))).elements
        assert {tag for tag, _ in elements} <= {"p", "strong", "em", "code", "a", "span"}
        for tag, attributes in elements:
            assert set(attributes) <= {"class", "href", "rel"}
            assert tag != "a" or is_allowed(attributes["href"] or "", HOSTS)
