"""A certificate authority of our own, and certificates that it signs, made by openssl."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

HERE = "IP:127.0.0.1"


@dataclass(frozen=True)
class Certificate:
    """A certificate and its private key, both PEM."""

    cert: Path
    key: Path


class Authority:
    """Signs certificates; its own is ``ca``."""

    def __init__(self, folder: Path) -> None:
        if shutil.which("openssl") is None:
            pytest.skip("openssl is not installed")
        folder.mkdir()
        self._folder = folder
        self.ca, self._key = folder / "ca.pem", folder / "ca.key"
        request = ("-x509", "-subj", f"/CN={folder.name}", "-days", "2", "-addext", "keyUsage=critical,keyCertSign")
        self._openssl("req", *self._new_key(self._key), *request, "-out", str(self.ca))

    def sign(self, name: str, *, of: str = HERE, days: int = 2) -> Certificate:
        """A certificate for a name or an address; of one with a negative number of days the time is over."""
        cert, key, request, extensions = (self._folder / f"{name}.{end}" for end in ("pem", "key", "csr", "ext"))
        extensions.write_text(f"subjectAltName={of}\nextendedKeyUsage=serverAuth,clientAuth\n")
        self._openssl("req", *self._new_key(key), "-subj", f"/CN={name}", "-out", str(request))
        signing = ("-CA", str(self.ca), "-CAkey", str(self._key), "-CAcreateserial", "-extfile", str(extensions))
        self._openssl("x509", "-req", "-in", str(request), *signing, "-days", str(days), "-out", str(cert))
        return Certificate(cert, key)

    def encrypted(self, certificate: Certificate) -> Path:
        """The key of a certificate under a passphrase."""
        path = certificate.key.with_suffix(".encrypted")
        self._openssl("pkey", "-in", str(certificate.key), "-aes256", "-passout", "pass:x", "-out", str(path))
        return path

    def _new_key(self, path: Path) -> tuple[str, ...]:
        return ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(path))

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def server(shown: Certificate, *, clients_of: Path | None = None) -> ssl.SSLContext:
    """What a server shows, and whose clients it lets in: everybody's, unless told."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(shown.cert, shown.key)
    if clients_of is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(clients_of)
    return context
