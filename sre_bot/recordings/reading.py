"""Files of a recording, checked as they are read: what is wrong with one is told with its file and line.

Every function raises BadInputError whose text begins with ``FILE:LINE:`` (or ``FILE:`` where no line is to blame).
"""

from __future__ import annotations

import gzip
import json
import reprlib
import stat
import zlib
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import yaml
from pydantic import TypeAdapter, ValidationError

from sre_bot.errors import BadInputError
from sre_bot.mistakes import in_words, why_unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pydantic import BaseModel

    from sre_bot.investigation import JsonValue

T = TypeVar("T")
M = TypeVar("M", bound="BaseModel")
Place: TypeAlias = "Sequence[str | int]"

MAX_BYTES = 64 * 1024 * 1024
"""Of a file that is read as a whole."""
MAX_UNPACKED = 2 * 1024 * 1024 * 1024
"""Of a compressed file, as it comes out."""
_MAX_LINE = 4 * 1024 * 1024
_TOO_DEEP = "is nested too deeply"
_REPR = reprlib.Repr()
"""Bounded: a few lines of YAML can mean a value that no memory would hold when it is written out."""
_REPR.maxstring, _REPR.maxlevel = 200, 2


def fault(path: Path, line: int | None, sentence: str) -> BadInputError:
    """What is wrong with a file."""
    where = str(path) if line is None else f"{path}:{line}"
    return BadInputError(f"{where}: {' '.join(sentence.split())}")


def _require_file(path: Path) -> None:
    """A folder cannot be read, and a pipe would make us wait for its writer."""
    try:
        is_file = stat.S_ISREG(path.stat().st_mode)
    except OSError as error:
        raise fault(path, None, f"cannot be read: {why_unreadable(error)}") from error
    if not is_file:
        raise fault(path, None, "is no regular file")


def text_of(path: Path) -> str:
    """All of a file."""
    _require_file(path)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise fault(path, None, f"cannot be read: {why_unreadable(error)}") from error
    if len(data) > MAX_BYTES:
        raise fault(path, None, f"is longer than {MAX_BYTES // 1024**2} MiB")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise fault(path, data.count(b"\n", 0, error.start) + 1, "is not UTF-8") from None


def yaml_of(path: Path) -> tuple[object, yaml.Node | None]:
    """What a YAML file says, and its nodes, which know their lines."""
    text = text_of(path)
    try:
        node: yaml.Node | None = yaml.compose(text, yaml.SafeLoader)
        return yaml.safe_load(text), node
    except yaml.MarkedYAMLError as error:
        line = None if error.problem_mark is None else error.problem_mark.line + 1
        raise fault(path, line, f"is not YAML: {error.problem or error.context or 'malformed'}") from None
    except RecursionError:
        raise fault(path, None, _TOO_DEEP) from None
    except (yaml.YAMLError, ValueError) as error:  # e.g. a character that YAML does not allow; the 31st of February
        raise fault(path, None, f"is not YAML: {error}") from None


def yaml_record(path: Path, model: type[M], known_schema: int) -> M:
    """A YAML file of one record that names its schema."""
    said, node = yaml_of(path)
    if not isinstance(said, dict):
        raise fault(path, 1, "is not a mapping of keys to values")
    if said.get("schema") != known_schema or isinstance(said["schema"], bool):
        line = _yaml_line(node, ("schema",))
        told = f"its schema is {_REPR.repr(said['schema'])}" if "schema" in said else "it names no schema"
        raise fault(path, line, f"{told}; this version reads schema {known_schema}")
    try:
        return model.model_validate(said)
    except ValidationError as error:
        place, sentence = _first(error)
        raise fault(path, _yaml_line(node, place), sentence) from None


def json_of(path: Path, kind: TypeAdapter[T]) -> T:
    """A JSON file."""
    text = text_of(path)
    try:
        return kind.validate_python(json.loads(text))
    except json.JSONDecodeError as error:
        raise fault(path, error.lineno, f"is not JSON: {error.msg}") from None
    except ValidationError as error:
        place, sentence = _first(error)
        raise fault(path, json_line(text, place), sentence) from None
    except ValueError as error:  # a number of thousands of digits
        raise fault(path, None, f"cannot be read as JSON: {error}") from None
    except RecursionError:
        raise fault(path, None, _TOO_DEEP) from None


def lines_of(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines of a gzip file, without their ends, from 1."""
    _require_file(path)
    number, size = 0, 0
    try:
        with gzip.open(path, "rb") as file:
            while line := file.readline(_MAX_LINE):
                number += 1
                size += len(line)
                if size > MAX_UNPACKED or (len(line) == _MAX_LINE and not line.endswith(b"\n")):
                    raise fault(path, number, "is too long")
                yield number, line.rstrip(b"\r\n")
    except EOFError:
        raise fault(path, number + 1, "ends too early: the gzip file is truncated") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise fault(path, number + 1, f"is no sound gzip file: {error}") from None
    except OSError as error:
        raise fault(path, None, f"cannot be read: {why_unreadable(error)}") from error


def json_rows(path: Path, model: type[M]) -> Iterator[M]:
    """A gzip file of one JSON object a line."""
    for number, line in lines_of(path):
        if not line.strip():
            continue
        try:
            yield model.model_validate_json(line)
        except ValidationError as error:
            raise fault(path, number, _first(error)[1]) from None


def _first(error: ValidationError) -> tuple[Place, str]:
    """Where the first of the mistakes is, and what it is."""
    mistake = error.errors(include_url=False)[0]
    place = mistake["loc"]
    name = ".".join(map(str, place)) or "it"
    said = in_words(mistake)
    got = "" if mistake["type"] in {"missing", "json_invalid"} else f", got {_REPR.repr(mistake['input'])}"
    return place, f"{name}: {said}{got}"


def _yaml_line(node: yaml.Node | None, place: Place) -> int | None:
    """The line on which something stands, or what it is missing in."""
    mark = node.start_mark if node else None
    for key in place:
        if isinstance(node, yaml.MappingNode):
            name, node = next(((name, value) for name, value in node.value if name.value == str(key)), (None, None))
            mark = name.start_mark if name else mark
        elif isinstance(node, yaml.SequenceNode) and isinstance(key, int):
            node = node.value[key]
            mark = node.start_mark
        else:
            break
    return None if mark is None else mark.line + 1


_DECODER = json.JSONDecoder()
_SPACE = " \t\r\n"


def json_line(text: str, place: Place) -> int:
    """The line on which something stands in a JSON text, or what it is missing in."""
    start = _skip(text, 0)
    for key in place:
        found = _inner(text, start, key)
        if found is None:
            break
        start = found
    return text.count("\n", 0, start) + 1


def _inner(text: str, start: int, wanted: str | int) -> int | None:
    """Where a member of the array or object that begins at ``start`` begins."""
    if text[start] not in "[{":
        return None
    number, at = 0, _skip(text, start + 1)
    while text[at] not in "]}":
        name: JsonValue = number
        if text[start] == "{":
            name, at = _DECODER.raw_decode(text, at)
            at = _skip(text, _skip(text, at) + 1)
        if name == wanted:
            return at
        _, at = _DECODER.raw_decode(text, at)
        at = _skip(text, at)
        at = _skip(text, at + 1) if text[at] == "," else at
        number += 1
    return None


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _SPACE:
        at += 1
    return at
