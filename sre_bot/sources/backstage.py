"""Services from Backstage's ``catalog-info.yaml``: a local file, read as data.

Format: https://backstage.io/docs/features/software-catalog/descriptor-format (entities of kind Component).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, BeforeValidator, ValidationError

from sre_bot.errors import ConfigurationError
from sre_bot.incident import Service
from sre_bot.mistakes import in_words, read_yaml, why_unreadable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

MAX_BYTES = 4 * 1024 * 1024


def _list(value: object) -> object:
    return value if isinstance(value, list) else []


def _mapping(value: object) -> object:
    return value if isinstance(value, dict) else {}


class _Link(BaseModel):
    url: str
    title: str = ""
    type: str = ""


class _Metadata(BaseModel):
    name: str
    title: str | None = None
    annotations: Annotated[dict[str, Any], BeforeValidator(_mapping)] = {}
    links: Annotated[list[_Link], BeforeValidator(_list)] = []


class _Spec(BaseModel):
    owner: str | None = None
    lifecycle: str | None = None
    dependsOn: Annotated[list[str], BeforeValidator(_list)] = []  # noqa: N815 - Backstage's own spelling


class _Component(BaseModel):
    metadata: _Metadata
    spec: _Spec = _Spec()

    def service(self) -> Service:
        """It, in our words. Links are sorted into runbooks and dashboards by their type or title."""
        kinds = {link.url: f"{link.type} {link.title}".lower() for link in self.metadata.links}
        annotations = {key: str(value) for key, value in self.metadata.annotations.items()}
        return Service(
            name=self.metadata.name,
            owner=_reference(self.spec.owner) if self.spec.owner else None,
            on_call=annotations.get("pagerduty.com/service-id") or annotations.get("opsgenie.com/team"),
            repository=annotations.get("github.com/project-slug") or annotations.get("gitlab.com/project-slug"),
            environment=self.spec.lifecycle,
            dashboards=tuple(url for url, kind in kinds.items() if "dashboard" in kind or "grafana" in kind),
            runbooks=tuple(url for url, kind in kinds.items() if "runbook" in kind or "playbook" in kind),
            dependencies=tuple(_reference(one) for one in self.spec.dependsOn if _is_component(one)),
            aliases=(self.metadata.title,) if self.metadata.title and self.metadata.title != self.metadata.name else (),
        )


def read_backstage(path: Path) -> Sequence[Service]:
    """The services of a catalogue file, which may hold several documents; other kinds of entities are skipped.

    Raises:
        ConfigurationError: it cannot be read, or a component in it is not one.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"cannot read the catalogue {path}: {why_unreadable(error)}. Mend it, or take it out of catalogue_files."
        ) from None
    if len(text) > MAX_BYTES:
        raise ConfigurationError(f"the catalogue {path} is larger than {MAX_BYTES // 1024 // 1024} MiB: split it.")
    try:
        components = list(_components(text))
    except ValueError as error:
        raise ConfigurationError(f"the catalogue {path} {error}.") from None
    return [_component(document, path).service() for document in components]


def _components(text: str) -> Iterable[dict[str, Any]]:
    for document in read_yaml(text):
        if isinstance(document, dict) and str(document.get("kind", "")).lower() == "component":
            yield document


def _component(document: dict[str, Any], path: Path) -> _Component:
    try:
        return _Component.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigurationError(f"the catalogue {path} has a Component whose {where} {in_words({**first})}.") from None


def _reference(text: str) -> str:
    """The name in an entity reference: ``component:default/payments`` and ``payments`` are both payments."""
    return text.rsplit("/", 1)[-1].rsplit(":", 1)[-1]


def _is_component(reference: str) -> bool:
    return ":" not in reference or reference.startswith("component:")
