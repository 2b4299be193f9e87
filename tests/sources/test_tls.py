"""Certificates at the wire: who is let in, who is trusted, and what is said when it does not work out."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING

import httpx
import pytest
import pytest_asyncio
import yaml

from sre_bot.errors import ConfigurationError, SourceUnavailableError
from sre_bot.servers import PrometheusServer
from sre_bot.sources.access import Access
from sre_bot.sources.alertmanager import AlertmanagerSource
from sre_bot.sources.outbound import Policy, PolicyTransport
from sre_bot.sources.prometheus import PrometheusSource
from sre_bot.sources.tls import tls_context, tls_sentence

from .certificates import Authority, Certificate, server
from .hostile import hostile, http, says

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sre_bot.investigation import JsonObject

NO_ALERTS = says(http(b"[]"))
PASSWORD, HASHED = "swordfish", "$2b$04$F9YAqZPD13pCJcEXQmP9S.CY3Jag1RqTPWmAl9MvXU8er8YkXkzbK"


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The authority that is trusted."""
    return Authority(tmp_path_factory.mktemp("certificates") / "ours")


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Another one."""
    return Authority(tmp_path_factory.mktemp("certificates") / "theirs")


@pytest.fixture(scope="module")
def good(ours: Authority) -> Certificate:
    """A certificate for where tests run."""
    return ours.sign("good")


async def asked(context: ssl.SSLContext, access: Access) -> int:
    """Ask an Alertmanager behind this context; the number of its alerts."""
    async with (
        hostile(NO_ALERTS, context) as running,
        aclosing(AlertmanagerSource(running.url, access=access)) as source,
    ):
        return len(await source.current())


async def refused(context: ssl.SSLContext, access: Access) -> str:
    """Ask likewise; the sentence it ends in."""
    with pytest.raises(SourceUnavailableError) as caught:
        await asked(context, access)
    return caught.value.message


class TestTrust:
    async def test_a_certificate_of_the_named_authority_is_trusted(self, ours: Authority, good: Certificate) -> None:
        assert await asked(server(good), Access(ca_file=ours.ca)) == 0

    async def test_one_of_another_authority_is_not(self, theirs: Authority, good: Certificate) -> None:
        said = await refused(server(good), Access(ca_file=theirs.ca))
        assert "signed by no authority that is trusted here; name the right one in its ca_file" in said

    async def test_without_a_ca_file_the_system_decides_whatever_the_environment_says(
        self, ours: Authority, good: Certificate, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", str(ours.ca))
        monkeypatch.setenv("SSL_CERT_DIR", str(ours.ca.parent))
        assert "signed by no authority that is trusted here" in await refused(server(good), Access())

    async def test_one_that_has_expired_is_not(self, ours: Authority) -> None:
        said = await refused(server(ours.sign("expired", days=-1)), Access(ca_file=ours.ca))
        assert "its certificate has expired; have it renewed" in said

    @pytest.mark.parametrize("name", ["IP:127.0.0.2", "DNS:prometheus.example"])
    async def test_one_for_another_place_is_not(self, ours: Authority, name: str) -> None:
        said = await refused(server(ours.sign("elsewhere", of=name)), Access(ca_file=ours.ca))
        assert "its certificate is not for 127.0.0.1; set its url to a name that the certificate has" in said

    async def test_a_server_that_speaks_no_tls_says_so(self, ours: Authority) -> None:
        async def plain(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.0 400 Bad Request\r\n\r\n")
            writer.close()

        async with await asyncio.start_server(plain, "127.0.0.1", 0) as listening:
            url = f"https://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
            async with aclosing(AlertmanagerSource(url, access=Access(ca_file=ours.ca))) as source:
                with pytest.raises(SourceUnavailableError, match="does not speak TLS at https://127"):
                    await source.current()

    def test_verification_is_always_on_and_the_system_has_authorities(self) -> None:
        context = tls_context("eu")
        assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
        assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
        assert context.keylog_filename is None


class Secured(PrometheusServer):
    """A Prometheus that speaks TLS, under a path prefix.

    Args:
        folder: where its files live.
        web: its ``--web.config.file``.
        ready: a way in for whoever waits until it is ready.
    """

    def __init__(self, folder: Path, web: JsonObject, ready: Access) -> None:
        super().__init__(folder, path="/prometheus")
        self.url = self.url.replace("http", "https", 1)
        self._web, self._ready = web, ready

    def _arguments(self) -> list[str]:
        config = self.folder / "web.yml"
        config.write_text(yaml.safe_dump(self._web))
        return [*super()._arguments(), f"--web.config.file={config}"]

    async def _wait_until_ready(self, process: asyncio.subprocess.Process) -> bool:
        policy = Policy.of("ready", self.url, ("/-/ready",), access=self._ready, deadline=1)
        async with httpx.AsyncClient(transport=PolicyTransport(policy)) as client, asyncio.timeout(self.ready_within):
            while process.returncode is None:
                with contextlib.suppress(SourceUnavailableError):
                    return (await client.get(policy.url("/-/ready"))).status_code == httpx.codes.OK
                await asyncio.sleep(0.05)
        return False


@pytest.fixture(scope="module")
def way_in(ours: Authority) -> Access:
    """All that it takes."""
    client = ours.sign("client")
    return Access(username="bot", password=PASSWORD, ca_file=ours.ca, cert_file=client.cert, key_file=client.key)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def url(
    prometheus_installed: None,
    tmp_path_factory: pytest.TempPathFactory,
    ours: Authority,
    good: Certificate,
    way_in: Access,
) -> AsyncIterator[str]:
    """Where a Prometheus is that wants client certificates and a login."""
    tls: JsonObject = {
        "cert_file": str(good.cert),
        "key_file": str(good.key),
        "client_ca_file": str(ours.ca),
        "client_auth_type": "RequireAndVerifyClientCert",
    }
    web: JsonObject = {"tls_server_config": tls, "basic_auth_users": {"bot": HASHED}}
    async with Secured(tmp_path_factory.mktemp("prometheus"), web, way_in) as running:
        yield running.url


async def said_of(url: str, access: Access) -> str:
    """What comes of asking."""
    async with aclosing(PrometheusSource(url, access=access)) as source:
        try:
            return await source.check()
        except SourceUnavailableError as error:
            return error.message


@pytest.mark.real
class TestIdentity:
    """At a real Prometheus that wants client certificates and a login."""

    async def test_certificate_and_login_together_let_us_in(self, url: str, way_in: Access) -> None:
        assert (await said_of(url, way_in)).startswith("version 2.")

    async def test_without_a_certificate_we_are_turned_away(self, url: str, way_in: Access) -> None:
        said = await said_of(url, replace(way_in, cert_file=None, key_file=None))
        assert "check cert_file and key_file" in said

    async def test_with_one_of_another_authority_too(self, url: str, way_in: Access, theirs: Authority) -> None:
        client = theirs.sign("client")
        said = await said_of(url, replace(way_in, cert_file=client.cert, key_file=client.key))
        assert "check cert_file and key_file" in said

    async def test_with_one_that_has_expired_too(self, url: str, way_in: Access, ours: Authority) -> None:
        client = ours.sign("late", days=-1)
        said = await said_of(url, replace(way_in, cert_file=client.cert, key_file=client.key))
        assert "check cert_file and key_file" in said

    async def test_with_a_wrong_password_too(self, url: str, way_in: Access) -> None:
        said = await said_of(url, replace(way_in, password="shark"))
        assert "answered HTTP 401" in said
        assert "shark" not in said

    async def test_plain_http_is_told(self, url: str) -> None:
        said = await said_of(url.replace("https", "http"), Access(username="bot", password=PASSWORD))
        assert "Client sent an HTTP request to an HTTPS server" in said


def exchanged(access: Access, key: str, path: Path) -> Access:
    """It with another file."""
    files = {name: getattr(access, name) for name in ("ca_file", "cert_file", "key_file")} | {key: path}
    return Access(**files)


class TestFiles:
    @pytest.fixture
    def whole(self, ours: Authority, good: Certificate) -> Access:
        """With files that are as they should be."""
        return Access(ca_file=ours.ca, cert_file=good.cert, key_file=good.key)

    @pytest.mark.parametrize("key", ["ca_file", "cert_file", "key_file"])
    @pytest.mark.parametrize(
        ("content", "sentence"),
        [
            (None, "cannot be read: No such file or directory"),
            (b"\xff\x00 garbage", r"in PEM form \(-----BEGIN …\)"),
            (b"", "in PEM form"),
        ],
    )
    def test_a_file_that_is_not_what_it_should_be_names_its_key(
        self, tmp_path: Path, whole: Access, *, key: str, content: bytes | None, sentence: str
    ) -> None:
        path = tmp_path / "file.pem"
        if content is not None:
            path.write_bytes(content)
        access = exchanged(whole, key, path)
        with pytest.raises(ConfigurationError, match=rf"eu: its {key} \({path}\) .*{sentence}"):
            access.tls("eu")

    @pytest.mark.parametrize("key", ["ca_file", "cert_file", "key_file"])
    def test_one_that_is_cut_short_is_damaged(self, tmp_path: Path, whole: Access, key: str) -> None:
        path = tmp_path / "file.pem"
        path.write_bytes(getattr(whole, key).read_bytes()[:100])
        with pytest.raises(ConfigurationError, match=r"eu: its \w+_file .*damaged") as caught:
            exchanged(whole, key, path).tls("eu")
        assert str(path) in str(caught.value)

    def test_a_folder_is_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigurationError, match=r"ca_file .* cannot be read: Is a directory"):
            tls_context("eu", tmp_path)

    def test_a_key_of_another_certificate_is_told(self, ours: Authority, good: Certificate) -> None:
        other = ours.sign("other")
        with pytest.raises(ConfigurationError, match=r"its key_file .* does not belong to cert_file"):
            Access(cert_file=good.cert, key_file=other.key).tls("eu")

    def test_an_encrypted_key_is_told_and_nobody_is_asked_for_its_passphrase(
        self, ours: Authority, good: Certificate
    ) -> None:
        with pytest.raises(ConfigurationError, match=r"its key_file .* is encrypted"):
            Access(cert_file=good.cert, key_file=ours.encrypted(good)).tls("eu")

    def test_certificates_are_read_once_and_only_for_https(self, good: Certificate, tmp_path: Path) -> None:
        here = Access(ca_file=good.cert)
        policy = Policy.of("eu", "https://in", ("/ready",), access=here, deadline=1)
        assert policy.tls is not None
        transport = PolicyTransport(policy)
        assert transport.policy.tls is policy.tls
        nowhere = Access(ca_file=tmp_path / "absent.pem")
        assert Policy.of("eu", "http://in", ("/ready",), access=nowhere, deadline=1).tls is None


ADDRESS = httpx.URL("https://in")


def alert(reason: str) -> ssl.SSLError:
    """An error as OpenSSL raises it."""
    error = ssl.SSLError(1, reason)
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            alert("TLSV1_ALERT_PROTOCOL_VERSION"),
            "cannot be spoken to over TLS at https://in: tlsv1 alert protocol version",
        ),
        (alert("SSLV3_ALERT_HANDSHAKE_FAILURE"), "turned us away at https://in (sslv3 alert handshake failure)"),
        (alert("TLSV13_ALERT_CERTIFICATE_REQUIRED"), "it wants to see a client certificate, one that it trusts"),
        (OSError("no route"), None),
    ],
)
def test_only_what_is_about_tls_is_told_as_such(error: Exception, sentence: str | None) -> None:
    told = tls_sentence(error, ADDRESS)
    assert told is None if sentence is None else told is not None and sentence in told


def verification(code: int, message: str) -> ssl.SSLCertVerificationError:
    """An error as OpenSSL raises it for a certificate."""
    error = ssl.SSLCertVerificationError(1, message)
    error.verify_code, error.verify_message = code, message
    return error


@pytest.mark.parametrize(
    ("code", "sentence"),
    [(9, "is not valid yet; check the clocks"), (23, "certificate revoked; check its certificate and ca_file")],
)
def test_what_is_rare_is_told_as_well(code: int, sentence: str) -> None:
    told = tls_sentence(verification(code, "certificate revoked"), ADDRESS)
    assert told is not None
    assert sentence in told
