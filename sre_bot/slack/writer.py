"""One answer as the parts of a message: what everyone sees first, and what is folded. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sre_bot.investigation import Link
from sre_bot.render.durations import in_words
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
from sre_bot.render.why import CLOSE, why_so_sure
from sre_bot.slack import limits
from sre_bot.slack.fitting import MORE, bullets, counted, fitted, lines
from sre_bot.slack.times import localised
from sre_bot.sources.grafana import TITLE as EXPLORE

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from sre_bot.investigation import Answer, Claim, Evidence, Hypothesis, JsonObject

# Characters of a text as it came; written it may be twice as long (`fitting.GROWTH`).
MAX_CLAIM, MAX_WHOLE, MAX_ASIDE, MAX_NOTE, MAX_NAMES, MAX_ID = 320, 900, 330, 400, 150, 20
# Characters as written. What is shown leaves room for some of all that is folded.
MAX_LINK, MAX_LABEL = 1_000, 80
REFERENCES = (1_000, 400, 0)
"""So long may the links of ids be: all where there is room, else the short ones, else none."""
MAX_FACTS, MAX_CAUSES, MAX_STEPS = 2_000, 1_900, 1_400
MAX_REASONS = 900
"""Where nothing was seen at all, why is what there is to say."""
LINKED = 2_600
"""What is shown may take so much with links."""
MAX_IN_FULL, MAX_FURTHER, MAX_UNVERIFIED, MAX_EVIDENCE, LEAST_EVIDENCE = 2_400, 900, 700, 2_900, 1_200
_TITLES = 300
"""All titles of the details."""

SHOWN_FACTS, SHOWN_IMPACTS, SHOWN_STEPS = 2, 1, 2
"""What one takes in at first sight."""


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a message under a title; a quiet one is shown small."""

    title: str
    body: str
    quiet: bool = False

    def blocks(self) -> Iterator[JsonObject]:
        """As Block Kit."""
        if self.title:
            yield {"type": "header", "text": {"type": "plain_text", "text": self.title, "emoji": False}}
        if self.body:
            text: JsonObject = {"type": "mrkdwn", "text": self.body, "verbatim": True}
            yield {"type": "context", "elements": [text]} if self.quiet else {"type": "section", "text": text}

    def text(self) -> str:
        """As mrkdwn alone."""
        return "\n".join(line for line in (self.title and f"*{self.title}*", self.body) if line)


class Writer:
    """Puts one answer into parts.

    Args:
        answer: the answer.
        allowed_hosts: hosts that links may lead to.
        for_text: write times in UTC and ids of evidence without links, for where only the text is shown.
    """

    def __init__(self, answer: Answer, allowed_hosts: Collection[str], *, for_text: bool = False) -> None:
        self._answer = answer
        self._report = answer.report
        self._hosts = allowed_hosts
        self._for_text = for_text
        self._evidence = by_id(answer)
        self._facts = [*answer.report.what[:SHOWN_FACTS], *answer.report.impact[:SHOWN_IMPACTS]]
        best = answer.report.hypotheses[:1]
        self._causes = [
            *best,
            *(h for h in answer.report.hypotheses[1:2] if h.confidence >= CLOSE * best[0].confidence),
        ]

    def visible(self) -> Iterator[Part]:
        """What everyone sees, the most urgent first; the first part always has a title."""
        report = self._report
        yield Part(_title(headline(self._answer), self._hosts), self._top())
        facts = self._claims(self._facts, MAX_FACTS, whole=LINKED) or f"• {self._safe(without_facts(self._answer))}"
        yield Part("", f"*{GOING_ON}*\n{facts}")
        causes = self._linked(lambda longest: [self._cause(one, longest) for one in self._causes], MAX_CAUSES, LINKED)
        yield Part("", f"*{CAUSED}*\n{causes or self._no_cause()}")
        steps = self._claims(report.next_steps[:SHOWN_STEPS], MAX_STEPS, whole=LINKED)
        if not steps and (own := fix(self._answer)):
            steps = f"• {self._safe(own)}"
        if steps:
            yield Part("", f"*{NEXT}*\n{steps}")
        notes = [f":information_source: {self._safe(self._answer.note, MAX_NOTE)}"] if self._answer.note else []
        if report.missing and not self._facts:
            reasons = [f":warning: {self._safe(f'{one.source}: {one.why}', MAX_ASIDE)}" for one in report.missing]
            notes.append(lines(reasons, MAX_REASONS))
        elif report.missing:
            unseen = ", ".join(one.source for one in report.missing)
            notes.append(f":warning: Could not be seen: {self._safe(unseen, MAX_NAMES)}")
        if notes:
            yield Part("", "\n".join(notes), quiet=True)

    def details(self, room: int) -> Iterator[Part]:
        """What is folded away, in at most ``room`` characters, of which the evidence has at least a share."""
        end = Part("", self._safe(origin(self._answer), MAX_NOTE), quiet=True)
        room -= len(end.body) + _TITLES
        for title, most, write in self._folded():
            body = write(min(most, room - LEAST_EVIDENCE))
            room -= len(body)
            if body:
                yield Part("", f"*{title}*\n{body}")
        if seen := [self._seen(one) for one in cited(self._answer)]:
            yield Part("", f"*Evidence*\n{lines(seen, min(MAX_EVIDENCE, room))}")
        yield end

    def _folded(self) -> Iterator[tuple[str, int, Callable[[int], str]]]:
        """Titles, the characters that each may take at most, and what is under them."""
        report, further = self._report, MAX_FURTHER
        also = [*report.what[SHOWN_FACTS:], *report.impact[SHOWN_IMPACTS:]]
        rest = [one for one in report.hypotheses if one not in self._causes]
        gaps = [f"Not known: {self._safe(unknown, MAX_ASIDE)}" for unknown in report.unknown]
        gaps += [self._safe(f"{one.source}: {one.why}", MAX_ASIDE) for one in report.missing]
        doubts = [self._safe(f"{one.claim} ({one.why})", MAX_ASIDE) for one in report.unverified]
        yield "In full", MAX_IN_FULL, lambda limit: self._claims(self._cut(), limit, MAX_WHOLE)
        yield "Ruled out", further, lambda limit: self._claims(report.ruled_out, limit)
        yield "Other possible causes", further, lambda limit: self._others(rest, limit)
        yield "Also seen", further, lambda limit: self._claims(also, limit)
        yield "And then", further, lambda limit: self._claims(report.next_steps[SHOWN_STEPS:], limit)
        yield "Not known, not seen", further, lambda limit: bullets(gaps, limit)
        yield "Unverified: the evidence does not bear this out", MAX_UNVERIFIED, lambda limit: bullets(doubts, limit)

    def _others(self, hypotheses: Sequence[Hypothesis], limit: int) -> str:
        return self._linked(lambda longest: [f"• {self._cause(one, longest)}" for one in hypotheses], limit)

    def details_title(self) -> str:
        """What is folded away."""
        report = self._report
        shown, seen = len(cited(self._answer)), len(self._answer.evidence)
        said = [f"evidence ({shown} of {counted(seen, 'look')})" if shown else ""]
        said += ["ruled out" if report.ruled_out else ""]
        said += [counted(len(report.unverified), "unverified claim") if report.unverified else ""]
        return f"Details: {' · '.join(filter(None, said))}".removesuffix(": ")

    def _top(self) -> str:
        """Since when, and the two most useful links."""
        began, asked = since(self._answer), self._answer.question.asked_at
        facts = []
        if began:
            ago = f", {in_words(asked - began)} before the question" if asked > began else ""
            facts.append(f"since *{self._local(clock(began, asked))}*{ago}")
        best = self._report.hypotheses[0] if self._report.hypotheses else None
        links = [*self._first_graphs(), commit_link(self._answer, best) if best else None]
        facts += filter(None, (self._link(one, MAX_LINK // 2) for one in links if one))
        line = " · ".join(facts)
        return line[:1].upper() + line[1:]

    def _first_graphs(self) -> Sequence[Link]:
        """Where the first fact can be seen: in its system, and in Grafana."""
        ids = (one for claim in self._report.what for one in claim.evidence if one in self._evidence)
        seen = next((links for one in ids if (links := self._evidence[one].observation.links)), ())
        return [*seen[:1], *(link for link in seen[1:2] if link.title == EXPLORE)]

    def _no_cause(self) -> str:
        unknown = self._report.unknown[:1]
        return " ".join((without_cause(self._answer), *(self._safe(one, MAX_CLAIM, MORE) for one in unknown)))

    def _cut(self) -> Sequence[Claim]:
        """The claims of the first screen that are cut there."""
        shown = [*self._facts, *(one.claim for one in self._causes), *self._report.next_steps[:SHOWN_STEPS]]
        return [claim for claim in shown if self._safe(claim.text, MAX_CLAIM, MORE).endswith(MORE)]

    def _cause(self, hypothesis: Hypothesis, longest: int) -> str:
        said = likelihood(hypothesis.confidence)
        change = ""
        if hypothesis.change and hypothesis.change[:7] not in hypothesis.claim.text:
            change = f" ({self._safe(hypothesis.change[:40])})"
        why = self._safe(why_so_sure(self._answer, hypothesis), MAX_ASIDE)
        claim = self._claim(hypothesis.claim, longest)
        return f"*{said[0].upper()}{said[1:]}:* {claim}{change}\n_Why:_ {why}."

    def _claims(self, claims: Iterable[Claim], limit: int, length: int = MAX_CLAIM, whole: int = 0) -> str:
        told = [*claims]
        return self._linked(lambda longest: [f"• {self._claim(c, longest, length)}" for c in told], limit, whole)

    def _linked(self, write: Callable[[int], Sequence[str]], limit: int, whole: int = 0) -> str:
        """Lines with links while there is room for them: rather all that is said than some of it with links.

        Args:
            write: gives the lines with links of at most so many characters.
            limit: of characters without links.
            whole: with them, if that is more.
        """
        tried = ("\n".join(write(longest)) for longest in REFERENCES)
        return next((text for text in tried if len(text) <= max(limit, whole)), None) or lines(write(0), limit)

    def _claim(self, claim: Claim, longest: int, length: int = MAX_CLAIM) -> str:
        more = MORE if length == MAX_CLAIM else None
        refs = ", ".join(self._reference(one, longest) for one in claim.evidence[:6])
        return self._safe(claim.text, length, more) + (f" _[{refs}]_" if refs else "")

    def _reference(self, cited_id: str, longest: int) -> str:
        """The id of a piece of evidence, leading to where it can be seen."""
        plain = self._safe(cited_id, MAX_ID)
        evidence = self._evidence.get(cited_id)
        if evidence is None or self._for_text or not longest:
            return plain
        written = (self._link(Link(cited_id, one.url), longest) for one in evidence.observation.links)
        return next(filter(None, written), plain)

    def _seen(self, evidence: Evidence) -> str:
        links = filter(None, (self._link(one, MAX_LINK) for one in evidence.observation.links))
        seen = f"*{self._safe(evidence.id, MAX_ID)}* {self._safe(evidence.summary, MAX_ASIDE)}"
        return " · ".join((seen, *links))

    def _link(self, link: Link, limit: int) -> str:
        """A link back, or nothing when it leads elsewhere or is too long to carry."""
        if not is_allowed(link.url, self._hosts):
            return ""
        label = re.sub(r"[<>|`]", "", clean_text(link.title))[:MAX_LABEL]
        written = slack_safe(f"<{link.url}|{label}>", self._hosts)
        return written if len(written) <= limit else ""

    def _safe(self, text: str, limit: int = MAX_CLAIM, more: str | None = None) -> str:
        return fitted(" ".join(text.split()), limit, lambda part: self._local(slack_safe(part, self._hosts)), more)

    def _local(self, written: str) -> str:
        return written if self._for_text else localised(written, self._answer.question.asked_at)


def _title(text: str, hosts: Collection[str]) -> str:
    """A header is plain text, in which nothing can be made code: what would need it is left out."""
    line = " ".join(clean_text(text).split())
    if slack_safe(line, hosts) != line:
        line = re.sub(r":(?! )|[^\w\s:(%)-]", " ", line)
    return line if len(line) <= limits.HEADER else f"{line[: limits.HEADER - 1]}…"
