"""What sort of files a commit changes: what runs, what people read, what only checks, how things look. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sre_bot.signals.diffs import is_idle

if TYPE_CHECKING:
    from collections.abc import Sequence

STYLE = 0.1
"""Weight of a change of looks only: style sheets, pictures, texts."""
OTHER_ENVIRONMENT = 0.2
"""Weight of a change of an environment that is not what people use."""
HARMLESS = 0.02
"""Weight of a change of documentation, tests, CI or comments only."""


def weigh_files(files: Sequence[str], diff: str | None) -> tuple[float, str]:
    """The weight (0..1) of what sort of files a commit changes, and what a human should know of it ("" = nothing)."""
    if is_harmless(files, diff):
        return HARMLESS, "it changes only documentation, tests, CI or comments"
    if files and all(_LOOKS.search(file) for file in files):
        return STYLE, "it changes only how things look"
    if files and all(_OTHER_ENVIRONMENT.search(file) for file in files):
        return OTHER_ENVIRONMENT, "it is of another environment"
    return 1.0, ""


_APPLIED = re.compile(r"(^|/)(deploy|deployments?|k8s|kubernetes|helm|charts?|infra|terraform|argocd|flux|gitops|ops)/")
_OTHER_ENVIRONMENT = re.compile(r"(^|[/._-])(staging|stage|dev|develop|sandbox|local|qa|uat|preview)([/._-]|$)")
_LOOKS = re.compile(
    r"\.(css|scss|sass|less|styl|svg|png|jpe?g|gif|ico|woff2?|html?|mustache|hbs)$|(^|/)(theme|palette|colou?rs?|styles?)\.\w+$"
)


def is_harmless(files: Sequence[str], diff: str | None = None) -> bool:
    """Whether a commit changes only documentation, tests, CI or, by its diff, comments and versions of tools."""
    if files and all(_HARMLESS_FILE.search(file) for file in files):
        return True
    return is_idle(diff or "")


_HARMLESS_FILE = re.compile(
    r"""(^|/)(docs?|tests?|testdata|__tests__|spec)/            # a folder of such files
    | (^|/)(\.github|\.gitlab|\.circleci|\.ci)/
    | (^|/)(README|LICENSE|CHANGELOG|CONTRIBUTING|CODEOWNERS|NOTICE|\.gitignore|\.editorconfig|\.gitlab-ci)(\.[a-z]+)?$
    | \.(md|rst|adoc)$
    | (^|/)test_[^/]*$ | [._-](test|tests|spec)\.[a-z]+$ | Tests?\.(java|kt|cs)$""",
    re.VERBOSE,
)


def is_applied(files: Sequence[str]) -> bool:
    """Whether a commit changes only configuration of a cluster or of a cloud."""
    return bool(files) and all(_APPLIED.search(file) for file in files)
