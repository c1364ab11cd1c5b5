"""Who works on a run: a process of a machine, and whether it still lives."""

import os
import socket
from functools import cache
from pathlib import Path

import psutil

CLOCK = 60
"""Seconds by which a clock may be set, and with it all times of birth."""

RANKS = ("RANK", "LOCAL_RANK", "NODE_RANK", "GROUP_RANK", "SLURM_PROCID")
"""Of a process, of a process within its machine, of a machine; the leader has 0 in all that are set."""


def this() -> str:
    """This process: machine, number, time of birth; the same for as long as it lives, whatever becomes of the clock."""
    return _called(os.getpid())


@cache
def _called(number: int) -> str:
    return f"{machine()} {number}@{psutil.Process(number).create_time():.2f}"


@cache
def machine() -> str:
    """This machine: several may have one name."""
    known = Path("/etc/machine-id")
    own = known.read_text(encoding="ascii", errors="replace").strip()[:8] if known.is_file() else ""
    return f"{socket.gethostname()}/{own}"


def leads() -> bool:
    """Whether this process writes, of several that Lightning, torchrun or Slurm started."""
    return not any(int(os.environ.get(name) or 0) for name in RANKS)


def local(process: str) -> bool:
    """Whether a process is of this machine."""
    return process.partition(" ")[0] == machine()


def alive(process: str) -> bool:
    """Whether a process still lives, or is another machine's: a number may be taken again, a time of birth is not."""
    if not local(process):
        return True
    number, _, born = process.partition(" ")[2].partition("@")
    try:
        return abs(psutil.Process(int(number)).create_time() - float(born)) < CLOCK
    except (psutil.Error, ValueError):
        return False
