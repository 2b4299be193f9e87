"""The vocabulary of an investigation: from a question, through evidence, to a report."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeAlias, TypeVar, cast, overload

from typing_extensions import TypeAliasType

JsonValue = TypeAliasType("JsonValue", "str | int | float | bool | list[JsonValue] | dict[str, JsonValue] | None")
JsonObject: TypeAlias = dict[str, JsonValue]

FIRST_LOOK = "first-look"
"""The model name of an answer that no model wrote."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the conversation a question stands in; ``trusted`` is False for guests and other bots."""

    author: str
    text: str
    time: datetime | None = None
    trusted: bool = True


@dataclass(frozen=True, slots=True)
class Scope:
    """What a question is about as long as its words do not say otherwise, as the channel it was asked in tells."""

    service: str | None = None
    environment: str | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """What a person wants to know, and the moment (aware, UTC) as of which everything is looked at.

    ``earlier`` is what was answered in this conversation before, as plain text.
    """

    text: str
    asked_at: datetime
    asked_by: str | None = None
    conversation: tuple[Message, ...] = ()
    scope: Scope = Scope()
    earlier: str = dataclasses.field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Link:
    """A way back to the system that holds the evidence; made from configured base URLs, never by a model."""

    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A few series to draw: equally long ``times`` (unix seconds) and ``values`` (None = a gap) per line.

    ``threshold`` is the value beyond which an alert on these series fires, in their unit.
    """

    title: str
    unit: str
    lines: tuple[ChartLine, ...]
    marks: tuple[ChartMark, ...] = ()
    threshold: float | None = None


@dataclass(frozen=True, slots=True)
class ChartLine:
    """One line of a chart."""

    name: str
    times: tuple[float, ...]
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class ChartMark:
    """A moment worth a vertical line (unix seconds): an onset, a deploy, an alert."""

    time: float
    label: str


@dataclass(frozen=True, slots=True)
class Observation:
    """What one look at a source gave: ``content`` is what the model reads, ``summary`` one line for humans.

    ``failed`` marks a look that gave nothing to reason from (source down, query refused); ``missing`` then names the
    source that could not be seen, if it was the source's fault.
    """

    summary: str
    content: str
    failed: bool = False
    missing: MissingSource | None = None
    links: tuple[Link, ...] = ()
    charts: tuple[Chart, ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """An observation with an id (``E1``, ``E2`` …) that claims can cite."""

    id: str
    tool: str
    arguments: JsonObject
    observation: Observation

    @property
    def summary(self) -> str:
        """One line for humans."""
        return self.observation.summary


_KINDS = {
    "metric": "metrics",
    "alert": "alerts",
    "change": "changes",
    "trace": "traces",
    "log": "logs",
    "doc": "docs",
    "runbook": "docs",
    "code": "code",
    "file": "code",
}


def kind_of(tool: str) -> str:
    """The kind of source behind a tool, by its name; a tool we have no word for counts as documents do."""
    return next((kind for part, kind in _KINDS.items() if part in tool.casefold()), "docs")


@dataclass(frozen=True, slots=True)
class MissingSource:
    """A source that could not be seen, and why, in a sentence."""

    source: str
    why: str


T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Listing(Sequence[T_co], Generic[T_co]):
    """An answer in items of which some may be lacking: ``missing`` says what could not be seen, and why."""

    items: tuple[T_co, ...]
    missing: tuple[MissingSource, ...] = ()

    @overload
    def __getitem__(self, index: int) -> T_co: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[T_co]: ...
    def __getitem__(self, index: int | slice) -> T_co | Sequence[T_co]:
        return self.items[index]

    def __len__(self) -> int:
        return len(self.items)


def missing_of(answer: Sequence[object]) -> tuple[MissingSource, ...]:
    """What could not be seen of an answer, where that can be told at all."""
    return answer.missing if isinstance(answer, Listing) else ()


class CauseKind(enum.StrEnum):
    """What sort of thing caused it; ``none`` means nothing is wrong."""

    CHANGE = "change"
    CONFIG = "config"
    CAPACITY = "capacity"
    TRAFFIC = "traffic"
    EXTERNAL_DEPENDENCY = "external-dependency"
    INFRASTRUCTURE = "infrastructure"
    CERTIFICATE = "certificate"
    BAD_DATA = "bad-data"
    NONE = "none"
    UNKNOWN = "unknown"


class RemediationAction(enum.StrEnum):
    """The words for what would mend it."""

    ROLLBACK = "rollback"
    ROLL_FORWARD = "roll-forward"
    CONFIG_REVERT = "config-revert"
    FEATURE_FLAG_DISABLE = "feature-flag-disable"
    SCALE = "scale"
    RESTART = "restart"
    FAILOVER = "failover"
    ROTATE_CERT = "rotate-cert"
    RESCHEDULE = "reschedule"
    PURGE_BAD_DATA = "purge-bad-data"
    ESCALATE_UPSTREAM = "escalate-upstream"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence and the ids of the evidence that bears it."""

    text: str
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A possible cause. ``change`` is a full sha, or None when no change is to blame; ``confidence`` is 0..1.

    ``explained`` is False where only the blame is left: what was said of how it came about did not hold.
    """

    claim: Claim
    kind: CauseKind
    confidence: float
    service: str | None = None
    change: str | None = None
    explained: bool = True


@dataclass(frozen=True, slots=True)
class Remediation:
    """What would mend it; only a proposal in words, nothing here acts."""

    action: RemediationAction
    target: str | None = None


@dataclass(frozen=True, slots=True)
class Unverified:
    """A claim that code could not hold against its evidence, and why."""

    claim: str
    why: str


@dataclass(frozen=True, slots=True)
class Report:
    """The answer. Hypotheses are best first; an empty tuple of them means "I don't know"."""

    what: tuple[Claim, ...]
    impact: tuple[Claim, ...] = ()
    hypotheses: tuple[Hypothesis, ...] = ()
    ruled_out: tuple[Claim, ...] = ()
    next_steps: tuple[Claim, ...] = ()
    unknown: tuple[str, ...] = ()
    remediation: Remediation | None = None
    unverified: tuple[Unverified, ...] = ()
    missing: tuple[MissingSource, ...] = ()


@dataclass(frozen=True, slots=True)
class Suspect:
    """A change and how much speaks for it as the cause (higher is more); ``change`` None = no change explains it."""

    change: str | None
    score: float
    why: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """What the model cost: tokens, US dollars and turns."""

    turns: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    usd: float = 0.0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.turns + other.turns,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cache_read_tokens + other.cache_read_tokens,
            self.cache_write_tokens + other.cache_write_tokens,
            self.usd + other.usd,
        )


@dataclass(frozen=True, slots=True)
class Seconds:
    """How long the parts took."""

    ready: float = 0.0
    first_look: float = 0.0
    total: float = 0.0


@dataclass(frozen=True, slots=True)
class Answer:
    """Everything that is known when an investigation ends.

    ``model`` is the model id or ``first-look``; ``prompt`` the content hash of the prompt; ``note`` one honest
    sentence when the answer is less than was asked for (model down, budget spent, not configured).
    """

    question: Question
    model: str
    prompt: str | None
    report: Report
    evidence: tuple[Evidence, ...]
    suspects: tuple[Suspect, ...] = ()
    usage: Usage = Usage()
    seconds: Seconds = Seconds()
    note: str | None = None


# --- what happens on the way, for whoever watches (a Slack status line, a terminal) ---


@dataclass(frozen=True, slots=True)
class ModelStep:
    """The model is being asked, for the ``turn``-th time (from 1)."""

    turn: int


@dataclass(frozen=True, slots=True)
class LookStep:
    """A tool is being asked."""

    tool: str
    arguments: Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class EvidenceStep:
    """A tool has answered."""

    evidence: Evidence


@dataclass(frozen=True, slots=True)
class HeardStep:
    """What someone said while the investigation ran was taken into it."""

    message: Message


@dataclass(frozen=True, slots=True)
class FirstLookStep:
    """The first look is ready: an answer that no model wrote."""

    answer: Answer


@dataclass(frozen=True, slots=True)
class AnswerStep:
    """The investigation has ended; always the last step.

    ``model_away``: there is no report because the model was unavailable, so when it is back there may be one.
    """

    answer: Answer
    model_away: bool = False


Step: TypeAlias = ModelStep | LookStep | EvidenceStep | HeardStep | FirstLookStep | AnswerStep


T = TypeVar("T")

_TEXTLESS = frozenset({float, int, bool, type(None)})
"""Of these are the points of a chart, which are thousands; nothing is to be found among them."""


def rewritten(record: T, rewrite: Callable[[str], str]) -> T:
    """The same record with every text in it, however deep, passed through ``rewrite``; keys and enums stay."""
    return cast("T", _rewritten(record, rewrite))


def _rewritten(value: object, rewrite: Callable[[str], str]) -> object:
    if isinstance(value, str) and not isinstance(value, enum.Enum):
        return rewrite(value)
    if isinstance(value, tuple | list) and not _TEXTLESS.issuperset(map(type, value)):
        return type(value)(_rewritten(one, rewrite) for one in value)
    if isinstance(value, dict):
        return {key: _rewritten(one, rewrite) for key, one in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: _rewritten(getattr(value, field.name), rewrite) for field in dataclasses.fields(value)}
        return dataclasses.replace(value, **fields)
    return value
