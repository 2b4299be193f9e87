"""Which environment something comes from, where the system that holds it does not say so itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sre_bot.incident import ENVIRONMENT_LABELS

if TYPE_CHECKING:
    from collections.abc import Mapping


def placed(labels: Mapping[str, str], environment: str | None) -> Mapping[str, str]:
    """The labels, with the environment of their source among them unless they have one.

    Prometheus does the same with its external labels, which its own series and alerts are without.
    """
    if environment is None or any(labels.get(label) for label in ENVIRONMENT_LABELS):
        return labels
    return {**labels, "environment": environment}
