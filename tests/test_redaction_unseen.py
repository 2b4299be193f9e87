"""Secrets and identifiers of shapes that the rules were not written from, drawn from templates."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sre_bot.redaction import Redactor
from tests import redaction_samples as samples
from tests.endings import ends

REDACTOR = Redactor()
SEED = 20261201


def missed(drawn: list[samples.Sample]) -> list[str]:
    return [sample.kind for sample in drawn if sample.secret in REDACTOR.redact(sample.text)]


def test_97_of_100_secrets_go_whatever_the_notation() -> None:
    drawn = list(samples.forms(SEED))
    assert len(missed(drawn)) <= 0.03 * len(drawn)


def test_95_of_100_tokens_of_vendors_go() -> None:
    drawn = list(samples.families(SEED))
    assert len(missed(drawn)) <= 0.05 * len(drawn)


def test_identifiers_and_ordinary_logs_stay() -> None:
    texts = [*samples.kept(SEED, 5), *samples.log_lines(SEED, 20)]
    assert [text for text in texts if REDACTOR.redact(text) != text] == []


@pytest.mark.parametrize("credential", samples.credentials(SEED))
def test_configured_credential_goes_in_every_encoding(credential: str) -> None:
    redactor = Redactor([credential])
    for name, text in samples.encoded(credential):
        redacted = redactor.redact(f"before {text} after")
        assert "[redacted:configured]" in redacted, name
        assert credential not in redacted
        assert redacted.startswith(("before ", 'before "')), name
        assert redacted.endswith(" after"), name


@pytest.mark.parametrize("end", ["", "…", "... and more"])
def test_configured_credential_that_was_cut_off_goes(end: str) -> None:
    redactor = Redactor(["glowing-embers-in-the-dark"])
    assert redactor.redact(f"key glowing-embers-in{end}").startswith("key [redacted:configured]")
    assert redactor.redact("glowing-embers are nice") == "glowing-embers are nice"


def test_what_surrounds_an_encoded_credential_stays() -> None:
    redactor = Redactor(["winter rose/7"])
    assert (
        redactor.redact(r'{"q":"\u0026a=winter%20rose%2F7\u0026b=%41"}')
        == r'{"q":"\u0026a=[redacted:configured]\u0026b=%41"}'
    )


def test_a_long_credential_goes_whole() -> None:
    key = samples.Dice(SEED).of(samples.BASE64, 3000)
    redactor = Redactor([key])
    assert redactor.redact(f"a {key} b").replace("[redacted:configured]", "") == "a  b"
    assert redactor.redact(f"a {key.encode().hex()} b").replace("[redacted:configured]", "") == "a  b"


def test_many_credentials_are_known() -> None:
    held = [samples.Dice(number).of(samples.ALNUM, 40) for number in range(200)]
    assert Redactor(held).redact(" ".join(held)).split() == ["[redacted:configured]"] * len(held)


PIECES = st.sampled_from(
    [sample.text for sample in (*samples.forms(SEED), *samples.families(SEED))]
    + [
        "password",
        "[redacted:token]",
        "=",
        ": ",
        '"',
        "\\",
        "\\n",
        "%3D",
        "&quot;",
        "\n",
        " ",
        "[",
        "(",
        "'",
        "\x1b[0m",
    ]
)


@settings(deadline=None, max_examples=300)
@given(st.lists(PIECES, min_size=1, max_size=4).map("".join))
def test_redacting_twice_is_redacting_once(text: str) -> None:
    once = REDACTOR.redact(text)
    assert REDACTOR.redact(once) == once


@pytest.mark.parametrize("piece", ["%41\\n", "\\", "%25", "&amp;", "\\u0041", "glowing-em", "\n", "a\\\\\n"])
def test_hostile_escapes_come_to_an_end(piece: str) -> None:
    with ends():
        Redactor(["glowing-embers-in-the-dark", "n" * 40]).redact(piece * 20_000)
