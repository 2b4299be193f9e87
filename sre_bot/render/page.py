"""A conversation and its answer as one HTML page that needs nothing from elsewhere: no script, no font, no image."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from html import escape
from importlib import resources
from typing import TYPE_CHECKING

from sre_bot.render.chart import chart_figure
from sre_bot.render.mrkdwn import mrkdwn_lines
from sre_bot.render.safe import clean_text, html_safe, is_allowed
from sre_bot.render.summary import (
    CAUSED,
    GOING_ON,
    NEXT,
    clock,
    commit_link,
    fix,
    headline,
    likelihood,
    moment,
    origin,
    since,
    without_cause,
    without_facts,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from sre_bot.investigation import Answer, Claim, Evidence, Hypothesis, Link

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_AVATARS = 6
_LONG, _SHOWN = 24, 4
"""A message of more lines is folded after the first few, ours before the first heading; the answer follows in full."""


@dataclass(frozen=True, slots=True)
class PageMessage:
    """One message of the thread; ``text`` is mrkdwn as Slack keeps it, ``time`` aware."""

    author: str
    time: datetime
    text: str
    bot: bool = False
    pictures: tuple[PagePicture, ...] = ()


@dataclass(frozen=True, slots=True)
class PagePicture:
    """A picture in a message: a PNG, and what it shows in words."""

    png: bytes
    alt: str


def page(
    title: str,
    messages: Sequence[PageMessage],
    answer: Answer | None,
    *,
    allowed_hosts: Collection[str] = frozenset(),
    people: Mapping[str, str] | None = None,
) -> str:
    """The page as one HTML document.

    Args:
        title: of the page, e.g. the channel's name.
        messages: the thread, oldest first.
        answer: what the investigation gave, or None when there is none.
        allowed_hosts: hosts that links may lead to.
        people: names by user id, for mentions.
    """
    style = resources.files(__package__).joinpath("page.css").read_text("utf-8")
    thread = "".join(_message(message, allowed_hosts, people or {}) for message in messages)
    day = f"{messages[0].time:%A, %-d %B %Y}" if messages else ""
    shown = _Page(answer, allowed_hosts).html() if answer else ""
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="referrer" content="no-referrer"><meta name="color-scheme" content="light dark">'
        f"<title>{escape(clean_text(title))}</title><style>{style}</style></head><body>"
        f'<main><section class="thread" aria-label="Thread"><header><h1>{escape(clean_text(title))}</h1>'
        f"<span>{day}</span></header>{thread}</section>{shown}</main></body></html>\n"
    )


def _message(message: PageMessage, hosts: Collection[str], people: Mapping[str, str]) -> str:
    author = clean_text(message.author).strip() or "?"
    look = "bot" if message.bot else sum(map(ord, author)) % _AVATARS
    badge = '<span class="app">APP</span>' if message.bot else ""
    time = f'<time datetime="{message.time.isoformat()}">{clock(message.time, message.time)}</time>'
    lines = mrkdwn_lines(message.text, hosts, people)
    if len(lines) > _LONG:
        heading = f"<p><strong>{GOING_ON}</strong></p>"
        shown = lines.index(heading) if heading in lines else _SHOWN
        folded = f"<details><summary>Show the whole message</summary>{''.join(lines[shown:])}</details>"
        lines = [*lines[:shown], folded]
    pictures = "".join(map(_picture, message.pictures))
    avatar = f'<div class="avatar avatar-{look}" aria-hidden="true">{escape(author[0].upper())}</div>'
    return (
        f'<article class="message">{avatar}'
        f'<div><div class="who"><b>{escape(author)}</b>{badge}{time}</div>{"".join(lines)}{pictures}</div></article>'
    )


def _picture(picture: PagePicture) -> str:
    data = base64.b64encode(picture.png).decode()
    return f'<img class="picture" src="data:image/png;base64,{data}" alt="{escape(clean_text(picture.alt))}">'


class _Page:
    """Writes one answer."""

    def __init__(self, answer: Answer, allowed_hosts: Collection[str]) -> None:
        self._answer = answer
        self._report = answer.report
        self._hosts = allowed_hosts
        self._anchors = {evidence.id: f"evidence-{n}" for n, evidence in enumerate(answer.evidence, 1)}

    def html(self) -> str:
        """The answer, then the evidence."""
        cards = "".join(self._card(evidence) for evidence in self._answer.evidence)
        evidence = (
            f'<section class="evidence"><h2>Evidence</h2><div class="cards">{cards}</div></section>' if cards else ""
        )
        return f'<section class="answer">{"".join(self._answered())}</section>{evidence}'

    def _answered(self) -> Iterator[str]:
        report = self._report
        if self._answer.note:
            yield f'<p class="note">{self._safe(self._answer.note)}</p>'
        yield self._verdict()
        facts = [self._claim(claim) for claim in report.what] or [self._safe(without_facts(self._answer))]
        yield self._list(GOING_ON, facts)
        yield self._list("Impact", map(self._claim, report.impact), level=3)
        causes = "".join(map(self._hypothesis, report.hypotheses)) or f"<p>{without_cause(self._answer)}</p>"
        yield f"<h2>{CAUSED}</h2>{causes}"
        yield self._list(NEXT, [self._claim(claim) for claim in report.next_steps] or self._fix(), ordered=True)
        yield self._list("Ruled out", map(self._claim, report.ruled_out), level=3)
        yield self._list("Not known", map(self._safe, report.unknown), level=3)
        missing = [f"<b>{self._safe(one.source)}</b>: {self._safe(one.why)}" for one in report.missing]
        yield self._list("Could not be seen", missing, level=3, kind="warn")
        unverified = [f"{self._safe(one.claim)} <small>{self._safe(one.why)}</small>" for one in report.unverified]
        yield self._list("Unverified: the evidence does not bear this out", unverified, level=3, kind="warn")
        yield f'<p class="origin">{self._safe(origin(self._answer))}</p>'

    def _verdict(self) -> str:
        began = since(self._answer)
        asked = self._answer.question.asked_at
        facts = [f"since <b>{clock(began, asked)}</b>"] if began else []
        facts.append(f"asked {moment(asked)}")
        return f'<p class="verdict">{self._safe(headline(self._answer))}</p><p class="since">{" · ".join(facts)}</p>'

    def _hypothesis(self, hypothesis: Hypothesis) -> str:
        share = round(100 * min(max(hypothesis.confidence, 0.0), 1.0))
        odds = likelihood(hypothesis.confidence)
        meter = f'<span class="meter" aria-hidden="true"><i style="width:{share}%"></i></span>'
        link = commit_link(self._answer, hypothesis)
        claim = f"<p>{self._claim(hypothesis.claim)} {self._link(link) if link else ''}</p>"
        return f'<div class="cause"><p class="odds">{odds[0].upper()}{odds[1:]}{meter}</p>{claim}</div>'

    def _list(
        self, title: str, items: Iterable[str], *, level: int = 2, ordered: bool = False, kind: str = "plain"
    ) -> str:
        listed = "".join(f"<li>{item}</li>" for item in items)
        tag = "ol" if ordered else "ul"
        return f'<h{level}>{title}</h{level}><{tag} class="{kind}">{listed}</{tag}>' if listed else ""

    def _claim(self, claim: Claim) -> str:
        return " ".join((self._safe(claim.text), *map(self._chip, claim.evidence)))

    def _chip(self, cited: str) -> str:
        name = escape(clean_text(cited)[:12])
        anchor = self._anchors.get(cited)
        return f'<a class="chip" href="#{anchor}">{name}</a>' if anchor else f'<span class="chip">{name}</span>'

    def _fix(self) -> list[str]:
        step = fix(self._answer)
        return [self._safe(step)] if step else []

    def _card(self, evidence: Evidence) -> str:
        seen = evidence.observation
        links = " ".join(filter(None, map(self._link, seen.links)))
        charts = "".join(map(chart_figure, seen.charts))
        content = f"<details><summary>What was seen</summary><pre>{escape(clean_text(seen.content))}</pre></details>"
        return (
            f'<article class="card{" failed" if seen.failed else ""}" id="{self._anchors[evidence.id]}">'
            f'<header><span class="chip">{escape(clean_text(evidence.id)[:12])}</span>'
            f"<small>{self._safe(evidence.tool.replace('_', ' '))}</small><nav>{links}</nav></header>"
            f"<p>{self._safe(evidence.summary)}</p>{charts}{content if seen.content.strip() else ''}</article>"
        )

    def _link(self, link: Link) -> str:
        if not is_allowed(link.url, self._hosts):
            return ""
        return f'<a href="{escape(link.url)}" rel="noopener noreferrer">{escape(clean_text(link.title))}</a>'

    def _safe(self, text: str) -> str:
        return html_safe(text, self._hosts)
