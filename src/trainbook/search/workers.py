"""Workers: a process for each trial, forked from a server process that has everything loaded."""

import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from trainbook.faults import Away, Fault, Interrupted, Pruned
from trainbook.mistakes import first_line

ENDED, PRUNED, FAILED, LEFT, AWAY, REPORT = "ended", "pruned", "failed", "left", "away", "report"
"""What a worker says: all but the last are its last words."""
PATIENCE = 60
"""Seconds that a worker may take to write its checkpoint, once it is asked to leave."""
Work = Callable[[Any, Callable[[int, float], str | None]], dict[str, Any]]
"""Takes a job and what reports an epoch's metric; gives the outcome."""

_context = multiprocessing.get_context("forkserver")


def warm() -> None:
    """Start the server, which loads while the parent does something else."""
    from multiprocessing.forkserver import ensure_running

    _context.set_forkserver_preload(["trainbook.preload"])
    ensure_running()


class Worker:
    """A trial's process, seen from its parent."""

    def __init__(self, work: Work, job: Any, gpu: str | None, log: Path) -> None:
        self.pipe, theirs = _context.Pipe()
        self.gpu = gpu
        log.parent.mkdir(parents=True, exist_ok=True)
        self.process = _context.Process(target=_live, args=(work, job, theirs, gpu, log.absolute()))
        self.process.start()
        theirs.close()

    def hear(self) -> tuple[Any, ...]:
        """The next thing it says; that it is gone, if it says nothing any more."""
        try:
            said: tuple[Any, ...] = self.pipe.recv()
        except (EOFError, OSError):
            self.process.join()
            code = self.process.exitcode or 0
            how = f"signal {-code} ({signal.Signals(-code).name})" if code < 0 else f"exit code {code}"
            hint = ": somebody's, or the kernel's for lack of memory" if -code == signal.SIGKILL else ""
            return FAILED, f"its process ended by {how}{hint}"
        return said

    def tell(self, answer: str | None) -> None:
        """Answer a report; one that was killed since will be heard to be gone."""
        with suppress(OSError):
            self.pipe.send(answer)

    def close(self) -> None:
        """Wait for a process that has said its last words."""
        self.process.join(PATIENCE)
        self.process.kill()
        self.process.join()
        self.pipe.close()


def heard(workers: list[Worker], seconds: float) -> list[Worker]:
    """Those workers that have said something, or are gone, within some seconds."""
    ready = wait([each.pipe for each in workers], seconds)
    return [each for each in workers if each.pipe in ready]


def dismiss(workers: list[Worker], answer: Callable[[Worker, int, float], str | None]) -> None:
    """Ask all to leave, and make sure that they do; what they report until then is answered."""
    for each in workers:
        each.process.terminate()
    try:
        for each in workers:
            while each.pipe.poll(PATIENCE) and (said := each.hear())[0] == REPORT:
                each.tell(answer(each, said[1], said[2]))
            each.close()
    finally:  # a second Ctrl-C
        for each in workers:
            each.process.kill()


def _live(work: Work, job: Any, pipe: Connection, gpu: str | None, log: Path) -> None:
    multiprocessing.set_start_method("fork", force=True)
    os.setsid()  # Ctrl-C is the parent's, who tells us once
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, _leave)
    threading.Thread(target=_follow, daemon=True).start()
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu
    with log.open("a") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)

    def report(epoch: int, value: float) -> str | None:
        pipe.send((REPORT, epoch, value))
        answer: str | None = pipe.recv()
        return answer

    try:
        last: tuple[Any, ...] = (ENDED, work(job, report))
    except Pruned as error:
        last = (PRUNED, str(error))
    except KeyboardInterrupt:
        last = (LEFT,)
    except Away as error:
        last = (AWAY, str(error))
    except Exception as error:
        traceback.print_exc()
        last = (FAILED, str(error) if isinstance(error, Fault) else f"{type(error).__name__}: {first_line(error)[:500]}")
    sys.stdout.flush()
    pipe.send(last)


def _leave(number: int, _: object) -> None:
    raise Interrupted(number)


def _follow() -> None:
    """A worker does not outlive the process that gave it its work."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGKILL)
