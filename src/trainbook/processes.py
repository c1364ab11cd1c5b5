"""Who works on a run: a process of a machine, and whether it still lives."""

import os
import socket

import psutil


def this() -> str:
    """This process: machine, number, time of birth."""
    return f"{socket.gethostname()} {os.getpid()}@{psutil.Process().create_time():.2f}"


def alive(process: str) -> bool:
    """Whether a process still lives, or is another machine's: a number may be taken again, a time of birth is not."""
    host, _, rest = process.partition(" ")
    if host != socket.gethostname():
        return True
    number, _, born = rest.partition("@")
    try:
        return f"{psutil.Process(int(number)).create_time():.2f}" == born
    except (psutil.Error, ValueError):
        return False
