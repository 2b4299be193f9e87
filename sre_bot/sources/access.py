"""How a source is let in, and how it knows whom it talks to."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sre_bot.errors import ConfigurationError
from sre_bot.sources.tls import tls_context

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Access:
    """What goes with every request to one system.

    ``token`` goes as a bearer token, ``username`` and ``password`` as basic authentication, ``tenant`` as
    ``X-Scope-OrgID``; ``headers`` go as they are. ``ca_file`` holds the authorities to trust instead of the system's,
    ``cert_file`` and ``key_file`` our own certificate. Files are read once, when the source is made.
    """

    token: str | None = field(default=None, repr=False)
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tenant: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None

    def authorization(self, source: str) -> str | None:
        """The header of that name. Raises ConfigurationError, without the secret."""
        if self.token is not None:
            if not (self.token.isascii() and self.token.isprintable()):
                raise ConfigurationError(
                    f"{source}: its token has characters that no token has; was it copied in full?"
                )
            return f"Bearer {self.token}"
        return None if self.username is None else basic(self.username, self.password or "")

    def fixed_headers(self, source: str) -> tuple[tuple[str, str], ...]:
        """The tenant and the other headers. Raises ConfigurationError when one cannot be sent."""
        headers = {**self.headers, **({} if self.tenant is None else {"X-Scope-OrgID": self.tenant})}
        for name, value in headers.items():
            if not (value and value.isascii() and value.isprintable()):
                raise ConfigurationError(f"{source}: its header {name} is empty or has characters no header has")
        return tuple(headers.items())

    def tls(self, source: str) -> ssl.SSLContext:
        """Whom to trust, and who we are. Raises ConfigurationError when a file is not what it should be."""
        return tls_context(source, self.ca_file, self.cert_file, self.key_file)


def basic(username: str, password: str) -> str:
    """A login as an ``Authorization`` header."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode("ascii")
