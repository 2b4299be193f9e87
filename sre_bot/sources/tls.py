"""Certificates: whom a source is trusted to be, who we are to it, and in plain words what is wrong with either.

Verification cannot be switched off; variables of the environment (``SSL_CERT_FILE``, ``SSLKEYLOGFILE``) do not count.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING

import certifi

from sre_bot.errors import ConfigurationError

if TYPE_CHECKING:
    import httpx

_EXPIRED, _NOT_YET, _HOSTNAME, _ADDRESS = 10, 9, 62, 64
_UNTRUSTED = {2, 18, 19, 20, 21}
"""OpenSSL's codes (X509_V_ERR_…)."""
_ABOUT_OUR_CERTIFICATE = ("certificate", "unknown ca", "handshake failure", "access denied")
"""What servers give as their reason when they do not like the client's certificate, or miss it."""


def tls_context(
    source: str, ca_file: Path | None = None, cert_file: Path | None = None, key_file: Path | None = None
) -> ssl.SSLContext:
    """A context that trusts the authorities of ``ca_file``, or else the system's, and shows our certificate if asked.

    Raises:
        ConfigurationError: a file cannot be read or is not what it should be; names the key.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if ca_file is None:
        _trust_the_system(context)
    else:
        _trust(context, source, ca_file)
    if cert_file is not None and key_file is not None:
        _identify(context, source, cert_file, key_file)
    return context


def _trust_the_system(context: ssl.SSLContext) -> None:
    """The authorities of the system where it has any, else those of Mozilla."""
    places = ssl.get_default_verify_paths()
    file, folder = Path(places.openssl_cafile), Path(places.openssl_capath)
    in_file = file.is_file()
    in_folder = folder.is_dir() and bool(list(folder.iterdir()))
    bundle = str(file) if in_file else None if in_folder else certifi.where()
    context.load_verify_locations(cafile=bundle, capath=str(folder) if in_folder else None)


def _trust(context: ssl.SSLContext, source: str, ca_file: Path) -> None:
    content = _read(source, "ca_file", ca_file, "BEGIN CERTIFICATE")
    try:
        context.load_verify_locations(cadata=content)
    except (ssl.SSLError, ValueError) as error:
        raise _unusable(source, "ca_file", ca_file, "holds a certificate that is damaged") from error


def _identify(context: ssl.SSLContext, source: str, cert_file: Path, key_file: Path) -> None:
    _read(source, "cert_file", cert_file, "BEGIN CERTIFICATE")
    if "ENCRYPTED" in _read(source, "key_file", key_file, "PRIVATE KEY"):
        raise _unusable(source, "key_file", key_file, "is encrypted: nobody is there to type its passphrase")
    try:
        context.load_cert_chain(cert_file, key_file, password="")  # or OpenSSL asks for one in a terminal
    except (ssl.SSLError, ValueError) as error:
        if getattr(error, "reason", None) == "KEY_VALUES_MISMATCH":
            raise _unusable(source, "key_file", key_file, f"does not belong to cert_file ({cert_file})") from error
        raise _unusable(source, "cert_file", cert_file, f"or key_file ({key_file}) is damaged") from error


def _read(source: str, key: str, path: Path, mark: str) -> str:
    """The text of a PEM file that holds what it should."""
    try:
        content = path.read_text("ascii", errors="replace")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "its name cannot be one"
        raise _unusable(source, key, path, f"cannot be read: {why}") from None
    if mark not in content:
        what = "private key" if key == "key_file" else "certificate"
        raise _unusable(source, key, path, f"holds no {what} in PEM form (-----BEGIN …)")
    return content


def _unusable(source: str, key: str, path: Path, why: str) -> ConfigurationError:
    return ConfigurationError(f"{source}: its {key} ({path}) {why}")


def tls_sentence(error: BaseException, address: httpx.URL) -> str | None:
    """What went wrong between us and a source over TLS, and what to do; None when it was something else."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    if cause is None:
        return None
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"is not trusted at {address}: {_distrust(cause, address)}"
    reason = (cause.reason or str(cause)).replace("_", " ").lower()
    if "wrong version" in reason or "record layer" in reason or "packet length" in reason:
        return f"does not speak TLS at {address}; should its url start with http://?"
    if "alert" in reason and any(word in reason for word in _ABOUT_OUR_CERTIFICATE):
        return (
            f"turned us away at {address} ({reason}): it wants to see a client certificate, one that it trusts; "
            "check cert_file and key_file"
        )
    return f"cannot be spoken to over TLS at {address}: {reason}"


def _distrust(error: ssl.SSLCertVerificationError, address: httpx.URL) -> str:
    code = error.verify_code
    if code == _EXPIRED:
        return "its certificate has expired; have it renewed"
    if code == _NOT_YET:
        return "its certificate is not valid yet; check the clocks, its and ours"
    if code in (_HOSTNAME, _ADDRESS):
        return f"its certificate is not for {address.host}; set its url to a name that the certificate has"
    if code in _UNTRUSTED:
        return "its certificate is signed by no authority that is trusted here; name the right one in its ca_file"
    return f"{error.verify_message}; check its certificate and ca_file"
