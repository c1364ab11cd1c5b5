"""Who works on a run: a process of a machine, and whether it still lives."""

import os
import socket

import psutil

RANKS = ("RANK", "LOCAL_RANK", "NODE_RANK", "GROUP_RANK", "SLURM_PROCID")
"""Of a process, of a process within its machine, of a machine; the leader has 0 in all that are set."""


def this() -> str:
    """This process: machine, number, time of birth."""
    return f"{socket.gethostname()} {os.getpid()}@{psutil.Process().create_time():.2f}"


def leads() -> bool:
    """Whether this process writes, of several that Lightning, torchrun or Slurm started."""
    return not any(int(os.environ.get(name) or 0) for name in RANKS)


def local(process: str) -> bool:
    """Whether a process is of this machine."""
    return process.partition(" ")[0] == socket.gethostname()


def alive(process: str) -> bool:
    """Whether a process still lives, or is another machine's: a number may be taken again, a time of birth is not."""
    if not local(process):
        return True
    number, _, born = process.partition(" ")[2].partition("@")
    try:
        return f"{psutil.Process(int(number)).create_time():.2f}" == born
    except (psutil.Error, ValueError):
        return False
