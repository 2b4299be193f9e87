"""Mistakes in files, told in words of whoever wrote the file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

import pytest
from pydantic import BaseModel, Field, ValidationError

from sre_bot.mistakes import in_words, read_yaml, why_unreadable

if TYPE_CHECKING:
    from pathlib import Path


def test_documents_are_read_one_after_the_other() -> None:
    assert list(read_yaml("a: 1\n---\n- b\n---\n")) == [{"a": 1}, ["b"], None]


def test_a_key_may_come_again_in_another_mapping_and_override_one_that_was_merged_in() -> None:
    assert list(read_yaml("a: &a {b: 1}\nc: {<<: *a, b: 2}")) == [{"a": {"b": 1}, "c": {"b": 2}}]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a:\n\tb: 1", "is not valid YAML in line 2: there is a tab; indent with spaces"),
        ("a: 1\nb: [", "is not valid YAML in line 2: it ends too early; a bracket or a quote is not closed"),
        ("a: b: c", "is not valid YAML in line 1: a colon where none can be; mind the indentation"),
        ("a: 1\nb\n", "is not valid YAML in line 3: a key without a colon"),
        ("- a\nb: 1", "is not valid YAML in line 2: the indentation is wrong"),
        ("a: 1\nb: {c: 1, c: 2}", "is not valid YAML in line 2: the key c is there twice; keep one"),
        ("a: !!python/name:os.system x", "is not valid YAML in line 1: could not determine a constructor"),
        ("a: \x00", "is not valid YAML: "),
        ("a: 2026-02-30", "holds a value that cannot be read (day is out of range for month); put it in quotes"),
        ("[" * 5_000, "is nested too deeply"),
    ],
)
def test_what_is_wrong_with_a_file_ends_in_what_to_do(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        list(read_yaml(text))


def test_why_a_file_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b"\xe9t\xe9")
    said = {"": "it is a folder", "none": "it does not exist", "latin": "it is not UTF-8 text"}
    said |= {"latin/x": "a part of its path is not a folder", "x" * 300: "File name too long"}
    for name, why in said.items():
        try:
            (tmp_path / name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            found = why_unreadable(error)
        assert found == why


class Inner(BaseModel):
    key: str = ""


class Sample(BaseModel):
    whole: int = Field(default=1, ge=1, le=9)
    number: float = Field(default=1, gt=0, lt=9, allow_inf_nan=False)
    name: str = ""
    flag: bool = False
    choice: Literal["a", "b"] = "a"
    listed: tuple[str, ...] = ()
    inner: Inner = Inner()
    several: dict[str, Inner] = {}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"whole": "x"}, "must be a whole number"),
        ({"whole": 0}, "must be at least 1"),
        ({"whole": 10}, "must be at most 9"),
        ({"number": "10s"}, "must be a number, without a unit"),
        ({"number": 0}, "must be more than 0"),
        ({"number": 9}, "must be less than 9"),
        ({"number": float("inf")}, "must be a finite number"),
        ({"name": 7}, "must be text; put it in quotes"),
        ({"flag": "perhaps"}, "must be true or false"),
        ({"choice": "c"}, "must be 'a' or 'b'"),
        ({"listed": "x"}, "must be a list; begin each entry with a dash on a line of its own"),
        ({"inner": "x"}, "must hold keys of its own; write each on a line below it"),
        ({"several": ["x"]}, "must hold keys of its own; write each on a line below it"),
    ],
)
def test_what_is_wrong_with_a_value(value: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError) as raised:
        Sample.model_validate(value)
    assert [in_words({**detail}) for detail in raised.value.errors()] == [words]
