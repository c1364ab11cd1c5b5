"""Who gets what of the machine."""

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
