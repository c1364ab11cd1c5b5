"""Compile networks with torch.compile, where the machine can."""

import sys
from collections.abc import Iterable

import torch
from torch import nn


def compile_all(networks: Iterable[nn.Module]) -> bool:
    """Let each network be compiled when it is first called; its weights and their names stay as they are.

    Where there is nothing to compile with (no C++ compiler, say), a sentence says so, and training goes on without. What
    torch cannot compile of a network runs as it is, too. Returns whether compiling works here.
    """
    try:
        torch.compile(_probe)(torch.ones(2))
    except Exception as error:
        said = " ".join(str(error).split())[:200]
        print(f"trainbook: compile: torch.compile does not work here ({said}); training goes on without it.", file=sys.stderr)
        return False
    torch._dynamo.config.suppress_errors = True
    for network in networks:
        network.compile()
    return True


def _probe(x: torch.Tensor) -> torch.Tensor:
    return x.sin() + 1
