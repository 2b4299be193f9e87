"""The encoder computes what BERT's definition says, and the real model puts like to like."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from sre_bot.sources.sentences import Encoder, installed, read_tensors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

WIDTH, INNER, HEADS, LAYERS = 8, 12, 2, 3


def weights() -> dict[str, NDArray[np.float32]]:
    """A small model with made-up weights."""
    dice = np.random.default_rng(7)
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (20, WIDTH),
        "embeddings.position_embeddings.weight": (16, WIDTH),
        "embeddings.token_type_embeddings.weight": (2, WIDTH),
        "embeddings.LayerNorm.weight": (WIDTH,),
        "embeddings.LayerNorm.bias": (WIDTH,),
    }
    for n in range(LAYERS):
        layer = f"encoder.layer.{n}"
        for part, wide, high in (
            ("attention.self.query", WIDTH, WIDTH),
            ("attention.self.key", WIDTH, WIDTH),
            ("attention.self.value", WIDTH, WIDTH),
            ("attention.output.dense", WIDTH, WIDTH),
            ("intermediate.dense", WIDTH, INNER),
            ("output.dense", INNER, WIDTH),
        ):
            shapes |= {f"{layer}.{part}.weight": (high, wide), f"{layer}.{part}.bias": (high,)}
        for part in ("attention.output.LayerNorm", "output.LayerNorm"):
            shapes |= {f"{layer}.{part}.weight": (WIDTH,), f"{layer}.{part}.bias": (WIDTH,)}
    return {name: dice.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}


def by_the_book(w: Mapping[str, NDArray[np.float32]], tokens: Sequence[int]) -> list[float]:
    """BERT token by token and number by number (Devlin et al., 2018), with the exact GELU."""

    def linear(x: Sequence[float], name: str) -> list[float]:
        pairs = zip(w[f"{name}.weight"], w[f"{name}.bias"], strict=True)
        return [float(sum(a * b for a, b in zip(row, x, strict=True)) + bias) for row, bias in pairs]

    def norm(x: Sequence[float], name: str) -> list[float]:
        mean = sum(x) / len(x)
        spread = math.sqrt(sum((one - mean) ** 2 for one in x) / len(x) + 1e-12)
        triples = zip(x, w[f"{name}.weight"], w[f"{name}.bias"], strict=True)
        return [float((one - mean) / spread * scale + shift) for one, scale, shift in triples]

    def plus(x: Sequence[float], y: Sequence[float]) -> list[float]:
        return [float(a + b) for a, b in zip(x, y, strict=True)]

    def attended(queries: list[list[float]], keys: list[list[float]], values: list[list[float]], i: int) -> list[float]:
        size, found = WIDTH // HEADS, list[float]()
        for head in range(HEADS):
            part = slice(head * size, (head + 1) * size)
            fit = [sum(a * b for a, b in zip(queries[i][part], key[part], strict=True)) for key in keys]
            shares = [math.exp(one / math.sqrt(size)) for one in fit]
            for k in range(part.start, part.stop):
                found.append(sum(s * value[k] for s, value in zip(shares, values, strict=True)) / sum(shares))
        return found

    xs = []
    for place, token in enumerate(tokens):
        word = plus(w["embeddings.word_embeddings.weight"][token], w["embeddings.position_embeddings.weight"][place])
        xs.append(norm(plus(word, w["embeddings.token_type_embeddings.weight"][0]), "embeddings.LayerNorm"))
    for n in range(LAYERS):
        layer = f"encoder.layer.{n}"
        q, k, v = ([linear(x, f"{layer}.attention.self.{part}") for x in xs] for part in ("query", "key", "value"))
        seen = [linear(attended(q, k, v, i), f"{layer}.attention.output.dense") for i in range(len(xs))]
        xs = [norm(plus(a, b), f"{layer}.attention.output.LayerNorm") for a, b in zip(seen, xs, strict=True)]
        inner = [
            [x * (1 + math.erf(x / math.sqrt(2))) / 2 for x in linear(y, f"{layer}.intermediate.dense")] for y in xs
        ]
        outer = [linear(x, f"{layer}.output.dense") for x in inner]
        xs = [norm(plus(a, b), f"{layer}.output.LayerNorm") for a, b in zip(outer, xs, strict=True)]
    mean = [sum(column) / len(xs) for column in zip(*xs, strict=True)]
    return [one / math.hypot(*mean) for one in mean]


def test_the_layers_are_those_of_the_book_whatever_is_encoded_beside() -> None:
    texts = [[1, 2, 3, 4, 5], [7], [19, 0, 19]]
    found = Encoder(weights(), heads=HEADS).encode(texts)
    assert found.shape == (3, WIDTH)
    for row, text in zip(found, texts, strict=True):
        assert row == pytest.approx(by_the_book(weights(), text), abs=3e-3)


def write(path: Path, tensors: Mapping[str, NDArray[np.float32]]) -> None:
    """A safetensors file, as its specification describes it."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    start = 0
    for name, tensor in tensors.items():
        header[name] = {"dtype": "F32", "shape": tensor.shape, "data_offsets": [start, start + tensor.nbytes]}
        start += tensor.nbytes
    header["ids"] = {"dtype": "I64", "shape": [1], "data_offsets": [start, start + 8]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    numbers = b"".join(tensor.tobytes() for tensor in tensors.values())
    path.write_bytes(len(text).to_bytes(8, "little") + text + numbers + bytes(8))


def test_tensors_are_read_as_they_were_written(tmp_path: Path) -> None:
    write(tmp_path / "x.safetensors", weights())
    read = read_tensors(tmp_path / "x.safetensors")
    assert read.keys() == weights().keys()
    assert all((tensor == weights()[name]).all() for name, tensor in read.items())


@pytest.mark.parametrize("content", [b"", b"short", b"\xff" * 99, (4).to_bytes(8, "little") + b"nope" + bytes(8)])
def test_what_is_no_such_file_is_said(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(ValueError, match=r"."):
        read_tensors(tmp_path / "x")


class TestModel:
    """The real one, where `scripts/setup --meaning` has put it."""

    @pytest.fixture(autouse=True)
    def _only_where_installed(self) -> None:
        if installed() is None:
            pytest.skip("the packages of requirements/meaning.txt are not installed")

    def test_like_is_near_to_like(self) -> None:
        model = installed()
        assert model is not None
        food, bread, baby = model.vectors(
            ["A man is eating food.", "A man is eating a piece of bread.", "The girl is carrying a baby."]
        )
        assert food @ bread == pytest.approx(0.7553, abs=1e-3), "as sentence-transformers documents it"
        assert food @ baby < 0

    def test_order_and_company_do_not_matter_and_length_has_no_limit(self) -> None:
        model = installed()
        assert model is not None
        texts = ["", "disk full", "word " * 9_000, "مرحبا \ud800 \0", "x", *("full " * n for n in range(100, 900, 100))]
        together = model.vectors(texts)
        alone = np.concatenate([model.vectors([text]) for text in texts])
        assert together == pytest.approx(alone, abs=1e-4)
        assert np.linalg.norm(together, axis=1) == pytest.approx(np.ones(len(texts)), abs=1e-4)
