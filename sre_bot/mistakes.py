"""What is wrong with a file or with a value in it, in the words of whoever wrote it; not in those of our libraries."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Mapping

_WHY = {
    errno.ENOENT: "it does not exist",
    errno.EEXIST: "a file is where a folder should be",
    errno.EISDIR: "it is a folder",
    errno.ENOTDIR: "a part of its path is not a folder",
    errno.EACCES: "it may not be read by this user",
    errno.ENOSPC: "the disk is full",
}
_YAML = {
    "'\\t'": "there is a tab; indent with spaces",
    "<stream end>": "it ends too early; a bracket or a quote is not closed",
    "mapping values are not allowed": "a colon where none can be; mind the indentation, and quote text with a colon",
    "could not find expected ':'": "a key without a colon; write key: value",
    "expected <block end>": "the indentation is wrong; what belongs together begins in the same column",
}
_VALUE = {
    "missing": "is missing; set it",
    "invalid_key": "is not a name; put it in quotes",
    "string_type": "must be text; put it in quotes",
    "path_type": "must be a path",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "finite_number": "must be a finite number",
    "greater_than": "must be more than {gt:g}",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than": "must be less than {lt:g}",
    "less_than_equal": "must be at most {le:g}",
    "literal_error": "must be {expected}",
    "value_error": "{error}",
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float", "int_parsing_size"), "must be a whole number"),
    **dict.fromkeys(("float_type", "float_parsing"), "must be a number, without a unit"),
    **dict.fromkeys(("tuple_type", "list_type"), "must be a list; begin each entry with a dash on a line of its own"),
    **dict.fromkeys(
        ("dict_type", "mapping_type", "model_type"), "must hold keys of its own; write each on a line below it"
    ),
}


def why_unreadable(error: OSError | UnicodeDecodeError) -> str:
    """Why a file could not be read, as the end of a sentence."""
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8 text"
    return _WHY.get(error.errno or 0, error.strerror or str(error))


def read_yaml(text: str) -> Iterator[object]:
    """The documents of a YAML text, one after the other.

    Raises:
        ValueError: it is not YAML, or holds a key twice; says where and what to change, as the end of a sentence.
    """
    try:
        yield from yaml.load_all(text, _Loader)
    except yaml.YAMLError as error:
        mark, problem = getattr(error, "problem_mark", None), str(getattr(error, "problem", None) or error)
        where = f" in line {mark.line + 1}" if mark else ""
        said = next((words for part, words in _YAML.items() if part in problem), problem)
        raise ValueError(f"is not valid YAML{where}: {said}") from None
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    except ValueError as error:  # a date that is none, say
        raise ValueError(f"holds a value that cannot be read ({error}); put it in quotes") from None


def in_words(detail: Mapping[str, Any]) -> str:
    """What pydantic found wrong with a value, as the end of a sentence that begins with its place."""
    words = _VALUE.get(detail["type"])
    return words.format(**detail.get("ctx", {})) if words else str(detail["msg"])


class _Loader(yaml.SafeLoader):
    """A safe loader to which a key that is there twice is a mistake; by itself the first would be lost unseen."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002 - PyYAML's signature
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    problem = f"the key {key.value} is there twice; keep one"
                    raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep)
