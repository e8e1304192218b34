"""Graphs on disk: written once below the data directory, and run by onnxruntime."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import onnxruntime


def store(content: bytes, graph: Path) -> None:
    """Written beside and renamed: a crash leaves no half a file, and two writers no mixture."""
    graph.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=graph.parent, suffix=".part", delete=False) as part:
        part.write(content)
        part.flush()
        os.fsync(part.fileno())
    Path(part.name).replace(graph)


def open_session(graph: Path, *, threads: int) -> Any:
    """What runs it, by any number of threads at a time."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # idle means idle
    return onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
