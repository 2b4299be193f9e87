"""What the bot posts, as Block Kit. Pure: an answer goes in, a post comes out.

The model never writes blocks: it writes sentences, which are escaped once, rid of mentions and foreign links, and put
into blocks here. The limits hold for any answer; whatever is cut says how much is missing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sre_bot.investigation import ModelStep
from sre_bot.render.safe import clean_text, is_allowed, slack_safe
from sre_bot.render.summary import (
    CAUSED,
    GOING_ON,
    NEXT,
    by_id,
    cited,
    clock,
    commit_link,
    fix,
    headline,
    likelihood,
    origin,
    since,
    without_cause,
    without_facts,
)
from sre_bot.render.text import status_line

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from sre_bot.investigation import Answer, Claim, Evidence, Hypothesis, JsonObject, Link, Step

FIRST_LOOK_MARK = ":zap: *First look (no model yet)*. The investigation goes on; the answer will be a new reply."

# Characters. What one part of a message may take; all of them together stay below what Slack takes, about 13,200.
MAX_HEADER, MAX_SECTION, MAX_LINK, MAX_LABEL, MAX_ID = 150, 3_000, 1_000, 80, 20
MAX_CLAIM, MAX_ASIDE = 700, 330
MAX_NOTE, MAX_TOP, MAX_FACTS, MAX_CAUSES, MAX_STEPS = 400, 400, 1_700, 1_500, 900
MAX_RULED_OUT, MAX_GAPS, MAX_UNVERIFIED, MAX_EVIDENCE = 800, 700, 700, 2_900

SHOWN_STEPS = 3


@dataclass(frozen=True, slots=True)
class Post:
    """A message: blocks, blocks without the kinds that some workspaces refuse, and mrkdwn text for everywhere else."""

    text: str
    blocks: list[JsonObject]
    plain_blocks: list[JsonObject]


@dataclass(frozen=True, slots=True)
class _Part:
    """A stretch of a message under a title; a quiet one is shown small."""

    title: str
    body: str
    quiet: bool = False

    def blocks(self) -> Iterator[JsonObject]:
        if self.title:
            yield {"type": "header", "text": {"type": "plain_text", "text": self.title, "emoji": False}}
        if self.body:
            text: JsonObject = {"type": "mrkdwn", "text": self.body, "verbatim": True}
            yield {"type": "context", "elements": [text]} if self.quiet else {"type": "section", "text": text}

    def text(self) -> str:
        return "\n".join(line for line in (self.title and f"*{self.title}*", self.body) if line)


def answer_post(answer: Answer, *, allowed_hosts: Collection[str]) -> Post:
    """The answer: likely cause, since when and the next step on top, then the three headings; details are folded."""
    return _post(_Writer(answer, allowed_hosts), [])


def first_look_post(answer: Answer, *, allowed_hosts: Collection[str]) -> Post:
    """The first look while the investigation goes on, marked as such."""
    return _post(_Writer(answer, allowed_hosts), [_Part("", FIRST_LOOK_MARK, quiet=True)])


def plain_post(text: str) -> Post:
    """A sentence of our own."""
    part = _Part("", _fitted(text, MAX_SECTION, frozenset()))
    return Post(part.text(), [*part.blocks()], [*part.blocks()])


def status_text(steps: Sequence[Step]) -> str:
    """What was done last, as mrkdwn for the status message; the newest line last."""
    shown = [step for step in steps[:-1] if not isinstance(step, ModelStep)][1 - SHOWN_STEPS :]
    return "\n".join(slack_safe(status_line(step), frozenset()) for step in (*shown, *steps[-1:]))


def _post(writer: _Writer, lead: list[_Part]) -> Post:
    visible = [*lead, *writer.visible()]
    title, end = writer.details_title(), writer.origin()
    shown = [block for part in visible for block in part.blocks()]
    details = [block for part in writer.details() for block in part.blocks()]
    folded = [_folded(title, details)] if details else []
    text = "\n\n".join(filter(None, (part.text() for part in (*visible, _Part("", title), end))))
    return Post(text, [*shown, *folded, *end.blocks()], [*shown, *details, *end.blocks()])


def _folded(title: str, blocks: list[JsonObject]) -> JsonObject:
    heading: JsonObject = {"type": "plain_text", "text": title, "emoji": False}
    fold: JsonObject = {"is_collapsible": True, "default_collapsed": True}
    return {"type": "container", "title": heading, **fold, "child_blocks": [*blocks]}


class _Writer:
    """Puts one answer into parts."""

    def __init__(self, answer: Answer, allowed_hosts: Collection[str]) -> None:
        self._answer = answer
        self._report = answer.report
        self._hosts = allowed_hosts

    def visible(self) -> Iterator[_Part]:
        """What everyone sees, the most urgent first."""
        report = self._report
        if self._answer.note:
            yield _Part("", f":information_source: {self._safe(self._answer.note, MAX_NOTE)}")
        yield _Part(_title(headline(self._answer), self._hosts), "\n".join(self._top()))
        facts = [*map(self._claim, report.what)] or [self._safe(without_facts(self._answer))]
        yield _Part(GOING_ON, _bullets([*facts, *(f"_Impact:_ {self._claim(c)}" for c in report.impact)], MAX_FACTS))
        causes = [*map(self._hypothesis, report.hypotheses)] or [without_cause(self._answer)]
        yield _Part(CAUSED, _bullets(causes, MAX_CAUSES))
        steps = [*map(self._claim, report.next_steps)] or [self._safe(step) for step in (fix(self._answer),) if step]
        if steps:
            yield _Part(NEXT, _bullets(steps, MAX_STEPS))
        if report.ruled_out:
            yield _Part("", "*Ruled out*\n" + _bullets([*map(self._claim, report.ruled_out)], MAX_RULED_OUT))
        missing = (self._safe(f"{one.source}: {one.why}", MAX_ASIDE) for one in report.missing)
        gaps = [f":warning: Could not be seen: {one}" for one in missing]
        gaps += [f"Not known: {self._safe(unknown, MAX_ASIDE)}" for unknown in report.unknown]
        if gaps:
            yield _Part("", _lines(gaps, MAX_GAPS), quiet=True)

    def details(self) -> Iterator[_Part]:
        """What is folded away."""
        if shown := cited(self._answer):
            yield _Part("", _lines([*map(self._evidence, shown)], MAX_EVIDENCE))
        if self._report.unverified:
            claims = [self._safe(f"{one.claim} ({one.why})", MAX_ASIDE) for one in self._report.unverified]
            yield _Part("", "*Unverified: the evidence does not bear this out*\n" + _bullets(claims, MAX_UNVERIFIED))

    def details_title(self) -> str:
        """How much is folded away."""
        shown, seen = len(cited(self._answer)), len(self._answer.evidence)
        looks = f"Evidence: {shown} of {_counted(seen, 'look')}" if shown else ""
        unverified = len(self._report.unverified)
        doubts = _counted(unverified, "unverified claim") if unverified else ""
        return " · ".join(filter(None, (looks, doubts)))

    def origin(self) -> _Part:
        """As of when, by whom, at what cost."""
        return _Part("", self._safe(origin(self._answer), MAX_NOTE), quiet=True)

    def _top(self) -> Iterator[str]:
        """Since when, the two most useful links, and the next step."""
        began = since(self._answer)
        facts = [f"since *{clock(began, self._answer.question.asked_at)}*"] if began else []
        best = self._report.hypotheses[0] if self._report.hypotheses else None
        links = [self._first_graph(), commit_link(self._answer, best) if best else None]
        facts += filter(None, (self._link(one) for one in links if one))
        if facts:
            line = " · ".join(facts)
            yield line[0].upper() + line[1:]
        step = self._report.next_steps[0].text if self._report.next_steps else fix(self._answer)
        if step:
            yield f"*Next:* {self._safe(step, MAX_TOP)}"

    def _first_graph(self) -> Link | None:
        evidence = by_id(self._answer)
        ids = (one for claim in self._report.what for one in claim.evidence if one in evidence)
        return next((link for one in ids for link in evidence[one].observation.links), None)

    def _hypothesis(self, hypothesis: Hypothesis) -> str:
        said = likelihood(hypothesis.confidence)
        change = ""
        if hypothesis.change and hypothesis.change[:7] not in hypothesis.claim.text:
            change = f" ({self._safe(hypothesis.change[:40])})"
        return f"*{said[0].upper()}{said[1:]}:* {self._claim(hypothesis.claim)}{change}"

    def _claim(self, claim: Claim) -> str:
        refs = f" _[{self._safe(', '.join(claim.evidence), MAX_LABEL)}]_" if claim.evidence else ""
        return self._safe(claim.text) + refs

    def _evidence(self, evidence: Evidence) -> str:
        links = filter(None, map(self._link, evidence.observation.links))
        seen = f"*{self._safe(evidence.id, MAX_ID)}* {self._safe(evidence.summary, MAX_ASIDE)}"
        return " · ".join((seen, *links))

    def _link(self, link: Link) -> str:
        """A link back, or nothing when it leads elsewhere or is too long to carry."""
        if not is_allowed(link.url, self._hosts):
            return ""
        label = re.sub(r"[<>|`]", "", clean_text(link.title))[:MAX_LABEL]
        written = slack_safe(f"<{link.url}|{label}>", self._hosts)
        return written if len(written) <= MAX_LINK else ""

    def _safe(self, text: str, limit: int = MAX_CLAIM) -> str:
        return _fitted(" ".join(text.split()), limit, self._hosts)


def _title(text: str, hosts: Collection[str]) -> str:
    """A header is plain text, in which nothing can be made code: what would need it is left out."""
    line = " ".join(clean_text(text).split())
    if slack_safe(line, hosts) != line:
        line = re.sub(r":(?! )|[^\w\s:(%)-]", " ", line)
    return line if len(line) <= MAX_HEADER else f"{line[: MAX_HEADER - 1]}…"


def _fitted(text: str, limit: int, hosts: Collection[str]) -> str:
    """Safe mrkdwn of at most ``limit`` characters, which leaves room for the count of what is cut."""
    kept = min(len(text), limit)
    while True:
        shown = text if kept == len(text) else f"{text[:kept]} …({len(text) - kept} more)"
        safe = slack_safe(shown, hosts)
        if len(safe) <= limit:
            return safe
        kept = kept * 3 // 4


def _bullets(items: Iterable[str], limit: int) -> str:
    return _lines([f"• {item}" for item in items], limit)


def _lines(lines: Sequence[str], limit: int) -> str:
    """As many lines as fit; the rest is counted."""
    if len("\n".join(lines)) <= limit:
        return "\n".join(lines)
    shown, length = 0, MAX_ID  # for the count
    while length + len(lines[shown]) + 1 <= limit:
        length += len(lines[shown]) + 1
        shown += 1
    return "\n".join((*lines[:shown], f"…({len(lines) - shown} more)"))


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun if count == 1 else f'{noun}s'}"
