"""Who gets what of the machine."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from trainbook.search.loop import Loop


def given(loop: Any, accelerator: str) -> list[str | None]:
    """The GPUs of four workers, one after the other."""
    loop.running = {}
    for _ in range(4):
        gpu = loop._gpu({"trainer": {"accelerator": accelerator}})
        loop.running[SimpleNamespaceWithHash(gpu=gpu)] = None
    return [each.gpu for each in loop.running]


class SimpleNamespaceWithHash(SimpleNamespace):
    __hash__ = object.__hash__  # type: ignore[assignment]


def test_each_worker_has_a_gpu_of_its_own_where_there_are_several(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing: Any = None
    loop = Loop(nothing, "", nothing, 1, None, nothing, nothing)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    assert given(loop, "gpu") == ["0", "1", "2", "0"]
    assert given(loop, "cpu") == [None] * 4
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert given(loop, "gpu") == [None] * 4
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,7")
    assert given(loop, "gpu") == ["4", "7", "4", "7"]


def test_what_is_loaded_before_workers_are_forked_begins_no_cuda(project: Path) -> None:
    """And neither a project that does not compose nor Ctrl-C ends it."""
    script = """
import os, signal, torch
def refuse(*_): raise SystemExit("CUDA was begun")
torch.cuda._lazy_init, torch.cuda.device_count, torch.cuda.is_available = refuse, lambda: 1, lambda: True
import trainbook.preload
os.kill(os.getpid(), signal.SIGINT)
print("loaded")
"""
    (project / "conf/data/mnist.yaml").unlink()
    done = subprocess.run([sys.executable, "-c", script], cwd=project, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "loaded\n"
