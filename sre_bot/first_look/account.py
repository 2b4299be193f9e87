"""The first look in words: a few lines, each with evidence, none without information. Pure."""

from __future__ import annotations

from itertools import groupby, pairwise
from typing import TYPE_CHECKING

from sre_bot.first_look import causes
from sre_bot.first_look.conclusion import MANY_FAIL, ailing, conclude, healthy
from sre_bot.first_look.discovery import Sign
from sre_bot.first_look.environments import alike
from sre_bot.first_look.exhibits import Case, Exhibits
from sre_bot.first_look.footing import footing
from sre_bot.first_look.gauges import moved_gauges
from sre_bot.first_look.phrases import CALLS, alert_line, brief, lasting, listed, told, value
from sre_bot.first_look.testimony import contrasted, heard
from sre_bot.first_look.unusual import unusual
from sre_bot.incident import Severity
from sre_bot.investigation import FIRST_LOOK, Answer, CauseKind, Claim, Report
from sre_bot.render.summary import clock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sre_bot.first_look.conclusion import Conclusion
    from sre_bot.first_look.seen import Reading, Seen
    from sre_bot.first_look.symptoms import Symptom
    from sre_bot.incident import Alert
    from sre_bot.investigation import Question

MAX_ALERTS, MAX_OTHERS, MAX_DEMANDS, MAX_NAMES = 4, 3, 2, 5
WEATHER = (0.8, 1.2)
"""Traffic that changes by a factor between these has not changed."""
UNEXPLAINED = "logs and traces say what fails, but nothing that was looked at says why"
SERVING = frozenset({Sign.ERRORS, Sign.LATENCY, Sign.TRAFFIC})


def give_account(question: Question, seen: Seen) -> Answer:
    """The answer of the first look."""
    parts = [(part, conclude(part, question.text)) for part in seen.by_environment()]
    parts.sort(key=lambda part: _trouble(*part), reverse=True)
    (seen, found), *others = parts
    exhibits = Exhibits(seen, found)
    case = exhibits.case()
    report = Report(
        what=(*_what(case), *(_elsewhere(Exhibits(*other, exhibits.evidence)) for other in others)),
        impact=tuple(_impact(case)),
        hypotheses=tuple(causes.hypotheses(case)),
        ruled_out=tuple(causes.ruled_out(case)),
        next_steps=tuple(causes.next_steps(case)),
        unknown=tuple(_unknown(case)),
        remediation=causes.remediation(found),
        missing=seen.missing,
    )
    suspects = causes.suspects(found)
    return Answer(question, FIRST_LOOK, None, report, tuple(exhibits.evidence), suspects=suspects)


def _trouble(seen: Seen, found: Conclusion) -> tuple[bool, bool, int, bool]:
    """What makes an environment the one to speak of first: it has what was asked for, trouble, alerts; production."""
    measured = {reading.service for reading in seen.readings}
    active = any(not symptom.over for symptom in found.symptoms)
    return not measured.isdisjoint(found.asked), active, len(seen.firing), alike(seen.part, "production")


def _elsewhere(exhibits: Exhibits) -> Claim:
    """How another environment does, in a line."""
    seen, worse = exhibits.seen, [symptom for symptom in exhibits.found.symptoms if symptom.peer is None]
    signs = [symptom.sign for symptom in worse] or [sign for sign in Sign if sign in SERVING]
    cited = next((ids for sign in signs if (ids := exhibits.of_sign(sign))), ())
    if not worse:
        return Claim(f"In {seen.part}, looked at by itself, nothing got worse.", cited)
    told = listed([brief(symptom) for symptom in worse if symptom.sign is signs[0]], MAX_OTHERS)
    return Claim(f"In {seen.part}, looked at by itself: {told}.", cited)


def _what(case: Case) -> Iterator[Claim]:
    """What is wrong, since when, where it leads; what fires; what does as before."""
    seen, found = case.seen, case.found
    trail = found.trail
    for service in dict.fromkeys((*trail.services[:1], *trail.services[-1:])):
        shown = _shown(case, service)
        if shown:
            yield Claim(told(shown, seen.at), case.cite(*(symptom.reading.signal for symptom in shown)))
    yield from _ailing(case)
    yield from moved_gauges(case)
    yield from footing(case)
    yield from heard(case)
    yield from contrasted(case)
    if trail.more is not None:
        more = trail.more
        levels = f"{value(more, more.facts.before)} → {value(more, more.facts.after)}"
        text = f"{more.service} calls {more.peer} ×{more.growth:.1f} as often ({levels}), but is not asked more often."
        yield Claim(text, case.cite(more.signal, Sign.TRAFFIC))
    elif len(trail.services) > 1:
        yield _way(case)
    if seen.firing:
        yield Claim(f"Firing: {_firing(seen)}.", case.cite("alerts"))
    well = healthy(seen, found.symptoms)
    asked = [service for service in found.asked if service in well]
    unwell = {reading.service for reading in ailing(seen, found.symptoms)}.intersection(found.asked)
    if asked or (found.culprit is None and not unwell):
        yield from _steady(case, asked)
    yield from unusual(case)
    yield from _about(case)


def _way(case: Case) -> Claim:
    """Where the calls lead, and on which steps of the way the catalogue was relied on."""
    found, trail = case.found, case.found.trail
    way = " → ".join((*trail.services, *filter(None, [trail.peer])))
    declared = [pair for pair in pairwise(trail.services) if pair in found.calls.declared]
    calls = [f"calls: {sign}" for sign in CALLS]
    if not declared:
        return Claim(f"The calls that fail or take long lead {way}.", case.cite(*calls))
    steps = listed([f"{caller} → {callee}" for caller, callee in declared], MAX_NAMES)
    text = f"What got worse leads {way}; no metrics tell of the calls {steps}, which the catalogue declares."
    return Claim(text, case.cite(*calls, Sign.ERRORS, Sign.LATENCY, "catalogue"))


def _about(case: Case) -> Iterator[Claim]:
    """What was taken to be meant, where the question does not say it."""
    environment = "" if case.seen.part else case.seen.environment
    is_said = bool(environment) and case.seen.focus.said
    meant = case.found.asked[0] if case.found.by_channel else ""
    service = meant if meant in case.seen.services else ""  # that nothing tells of it is told as not known
    about = [f"{service} (as this channel is)" if service and is_said else service, environment]
    if any(about):
        text = f"This look is about {' in '.join(filter(None, about))}, as {'asked' if is_said else 'this channel is'}."
        yield Claim(text, case.cite("alerts", Sign.ERRORS, Sign.LATENCY, Sign.TRAFFIC))


def _shown(case: Case, service: str) -> list[Symptom]:
    """What a service shows at one place, each sign once; where the trail ends outside, the calls to there, too."""
    found = case.found
    peers = {None, found.trail.peer} if service == found.culprit else {None}
    shown = [s for s in found.symptoms if s.service == service]
    symptoms = [s for s in shown if s.peer in peers] or shown
    order = list(Sign)
    symptoms.sort(key=lambda s: (s.peer is not None, order.index(s.sign), -abs(s.reading.facts.shift)))
    here = [s for s in symptoms if s.reading.place == symptoms[0].reading.place]
    return [next(alike) for _, alike in groupby(here, key=lambda s: (s.peer, s.sign))]


def _firing(seen: Seen) -> str:
    """Each alert once, the worst first."""
    worst_first = list(Severity)
    once: dict[tuple[str, str | None], Alert] = {}
    for alert in sorted(seen.firing, key=lambda a: (worst_first.index(a.severity), a.started_at, a.name)):
        once.setdefault((alert.name, alert.service), alert)
    return listed([alert_line(alert, seen.at) for alert in once.values()], MAX_ALERTS)


def _ailing(case: Case) -> Iterator[Claim]:
    """What fails much all along: that is no change, but nothing that is well either."""
    bad = ailing(case.seen, case.found.symptoms)
    if bad:
        named = listed([f"{reading.who} {value(reading, reading.facts.mean)}" for reading in bad], MAX_OTHERS)
        part = "all" if all(reading.facts.minimum >= MANY_FAIL for reading in bad) else "most"
        lasted = lasting(case.seen.window.duration)
        text = f"Many requests fail, as they did {part} of the last {lasted}: {named}."
        yield Claim(text, case.cite(Sign.ERRORS))


def _steady(case: Case, asked: list[str]) -> Iterator[Claim]:
    """What does as it did before: the services asked about, or all that were seen."""
    seen, found = case.seen, case.found
    well = asked or sorted(healthy(seen, found.symptoms))
    quiet = seen.alerts_known and not seen.firing and found.culprit is None and not ailing(seen, found.symptoms)
    if well:
        lead = "Nothing looks wrong: no alert fires, and " if quiet else ""
        lasted = lasting(seen.window.duration)
        names = f"{listed(well, MAX_NAMES)} {'does' if len(well) == 1 else 'do'} as before over the last {lasted}"
        entrances = [reading.service for reading in _entrances(case) if reading.service in well]
        told = [_vitals(case, service) for service in asked or entrances]
        cited = case.cite("alerts" if quiet else "", Sign.ERRORS, Sign.LATENCY, Sign.TRAFFIC)
        yield Claim(f"{lead}{names}{': ' if told else ''}{'; '.join(told[:MAX_DEMANDS])}.", cited)
    elif quiet:
        yield Claim("No alert fires.", case.cite("alerts"))


def _vitals(case: Case, service: str) -> str:
    """Requests, the share that fails, the time to answer."""
    parts: list[str] = []
    who = service
    for sign, said in ((Sign.TRAFFIC, "requests/s"), (Sign.ERRORS, "of them fail"), (Sign.LATENCY, "to answer")):
        reading = next((r for r in case.own(sign) if (r.who if parts else r.service) == who), None)
        if reading is not None:
            who = reading.who
            stat = f" ({reading.signal.stat})" if reading.signal.stat else ""
            parts.append(f"{value(reading, reading.facts.mean).removesuffix('/s')} {said}{stat}")
    return f"{who} {', '.join(parts)}"


def _impact(case: Case) -> Iterator[Claim]:
    """Who else feels it, and whether demand changed."""
    trail = case.found.trail.services
    told = {symptom.reading.who for service in (*trail[:1], *trail[-1:]) for symptom in _shown(case, service)}
    others: dict[str, Symptom] = {}
    for symptom in case.found.symptoms:
        if symptom.peer is None and symptom.reading.who not in told:
            others.setdefault(symptom.reading.who, symptom)
    if others:
        names = listed([brief(symptom) for symptom in others.values()], MAX_OTHERS)
        yield Claim(f"Also worse: {names}.", case.cite(*(symptom.sign for symptom in others.values())))
    demands = [_demand(reading, case.seen) for reading in _entrances(case)]
    if demands and (case.found.culprit is not None or case.seen.firing):
        yield Claim(f"Requests: {'; '.join(demands)}.", case.cite(Sign.TRAFFIC))


def _entrances(case: Case) -> list[Reading]:
    """The requests to where it shows and to where they come in; or to where most come in."""
    found = case.found
    first = found.trail.services[:1] or found.asked[:1]
    callers = {service: found.calls.callers(service) for service in found.calls.growth}
    above = frozenset[str]().union(*(found.calls.above(service) for service in first))
    front = [service for service in (above if first else callers) if service in callers and not callers[service]]
    readings = {reading.service: reading for reading in reversed(case.own(Sign.TRAFFIC))}
    busiest = sorted((s for s in front if s in readings), key=lambda s: (-readings[s].facts.mean, s))
    return [readings[service] for service in dict.fromkeys((*first, *busiest)) if service in readings][:MAX_DEMANDS]


def _demand(reading: Reading, seen: Seen) -> str:
    facts = reading.facts
    if reading.onset is None or WEATHER[0] < reading.growth < WEATHER[1]:
        return f"{reading.who} as before, {value(reading, facts.mean)}"
    since = clock(reading.onset, seen.at)
    if reading.growth == 0:
        return f"{reading.who} none since {since}, {value(reading, facts.before)} before"
    levels = f"{value(reading, facts.before)} → {value(reading, facts.after)}"
    return f"{reading.who} ×{reading.growth:.1f} since {since}, {levels}"


def _unknown(case: Case) -> Iterator[str]:
    """What this look cannot tell."""
    seen, found = case.seen, case.found
    if found.culprit is not None and found.onset is None:
        yield "When it began: nothing shows a clear onset in this window."
    if found.culprit is not None and found.blamed is None and found.kind is CauseKind.UNKNOWN:
        yield f"The cause: it begins at {found.culprit}, but no change and no other evidence explains it well enough."
    if found.culprit is None and seen.firing:
        said = seen.complaints or seen.contrast
        yield f"The cause: {UNEXPLAINED if said else 'what fires shows in none of the signals that were looked at'}."
    if bad := ailing(seen, found.symptoms):
        who = listed([reading.who for reading in bad], MAX_NAMES)
        yield f"Since when and why requests of {who} fail: this window shows no clear beginning."
    measured = {reading.service for reading in seen.readings if reading.signal.sign in SERVING}
    unmeasured = [service for service in found.asked if service not in measured]
    if (unmeasured or not measured) and not (seen.movers or seen.steady):
        who = listed(unmeasured, MAX_NAMES) or "services"
        how = f"How {who} {'answers' if len(unmeasured) == 1 else 'answer'}"
        yield f"{how}: no metrics of requests were seen under the usual names."
    demanded = any(r.signal.sign is Sign.TRAFFIC for r in seen.readings) or any(m.is_demand for m in seen.movers)
    if found.culprit is not None and not (demanded or seen.steady):
        yield f"Whether more is asked of {found.culprit} than before: no metric of how much was seen."
    if not seen.alerts_known:
        yield "Whether an alert fires."
