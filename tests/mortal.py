"""Trainings that die at a given optimiser step, in the middle of whatever goes on then.

They run in processes of a server that has everything imported: a start takes a blink, and each is as alone as any other process.
"""

import contextlib
import multiprocessing
import multiprocessing.forkserver
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest import mock

import psutil

HERE = Path(__file__).parent
SCRIPT = "import sys, mortal; mortal.die(); from trainbook.__main__ import main; main()"
"""For ``python -c``, with DIES_AFTER and DIES_BY in the environment and this folder among the paths."""
_server = multiprocessing.get_context("forkserver")
_server.set_forkserver_preload(["mortal", "trainbook.preload"])


def die() -> None:
    """Let this process send itself a signal after so many steps of any optimiser, as the environment says."""
    from torch.optim.optimizer import register_optimizer_step_post_hook

    left = int(os.environ["DIES_AFTER"])

    def step(*_: Any) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), int(os.environ["DIES_BY"]))

    register_optimizer_step_post_hook(step)


def _forked(_: bytes, words: list[str], kept: list[int]) -> int:
    """In place of a new interpreter: a fork of this process, which has everything loaded, does what ``python -c`` would do."""
    if number := os.fork():
        return number
    for descriptor in {int(path.name) for path in Path("/proc/self/fd").iterdir()} - {0, 1, 2, *kept}:
        with contextlib.suppress(OSError):
            os.close(descriptor)
    try:
        exec(words[-1])
    finally:
        os._exit(0)


def _child(folder: Path, said: Path, words: tuple[str, ...], environment: dict[str, str]) -> None:
    multiprocessing.set_start_method("fork", force=True)  # as in any other process: workers that fetch rows notice its death
    signal.signal(signal.SIGINT, signal.default_int_handler)  # who runs the tests in the background has it ignored
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for name, number in (("stdout", 1), ("stderr", 2)):
        os.dup2(os.open(said / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    sys.path[:0] = [str(folder), str(HERE)]
    sys.argv = ["trainbook", *words]
    if "DIES_AFTER" in environment:
        die()
    if "DIES_BEFORE" in environment:
        module, _, name = environment["DIES_BEFORE"].rpartition(".")
        setattr(import_module(module), name, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    if "LARGEST_FILE" in environment:
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(environment["LARGEST_FILE"]),) * 2)
    if "tune" in words and Path("/proc/self/fd").is_dir():  # the server of its workers need not load all that once more
        multiprocessing.forkserver.set_forkserver_preload(["trainbook.preload"])
        with mock.patch("multiprocessing.util.spawnv_passfds", _forked):
            multiprocessing.forkserver.ensure_running()
    from trainbook.__main__ import main

    main()


def start(folder: Path, said: Path, *words: str, **environment: str) -> Any:
    """Begin ``trainbook WORDS`` in a process of its own; what it prints goes to files in ``said``."""
    process = _server.Process(target=_child, args=(folder, said, words, {**os.environ, **environment}))
    process.start()
    return process


class Begun:
    """``trainbook WORDS`` in the background, with the names of ``subprocess.Popen``; what it prints is given at the end."""

    def __init__(self, folder: Path, *words: str, **environment: str) -> None:
        self._said, self._told = Path(tempfile.mkdtemp()), ("", "")
        self._process = start(folder, self._said, *words, **environment)
        self.pid: int = self._process.pid

    def poll(self) -> int | None:
        """The exit code, once there is one."""
        code: int | None = self._process.exitcode
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self._process.kill()

    def communicate(self, timeout: float = 300) -> tuple[str, str]:
        """Wait for the end; gives what was printed.

        Raises:
            AssertionError: it takes longer.
        """
        self._process.join(timeout)
        late = self.poll() is None
        if late:
            self.kill()
            self._process.join()
        if self._said.exists():
            self._told = (self._said / "stdout").read_text(), (self._said / "stderr").read_text()
            shutil.rmtree(self._said)
        assert not late, f"it took more than {timeout:g} seconds\n{self._told[0]}\n{self._told[1]}"
        return self._told


def run(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run ``trainbook WORDS`` in a process of its own, to its end."""
    process = Begun(folder, *words, **environment)
    said = process.communicate(3000 if "tune" in words else 300)
    return subprocess.CompletedProcess(words, process.poll(), *said)


def kill_tree(process: Any) -> None:
    """SIGKILL for a process and everything below it, at once."""
    top = psutil.Process(process.pid)
    for each in (top, *top.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            each.kill()
    process.join()


def _ends(done: subprocess.CompletedProcess[str], code: int) -> subprocess.CompletedProcess[str]:
    assert done.returncode == code, f"{done.args}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def dies(folder: Path, after: int, *words: str, by: int = signal.SIGKILL) -> subprocess.CompletedProcess[str]:
    """Run ``trainbook WORDS`` in a process that gets a signal after so many steps."""
    code = -int(by) if by == signal.SIGKILL else 128 + by
    return _ends(run(folder, *words, DIES_AFTER=str(after), DIES_BY=str(int(by))), code)


def lives(folder: Path, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run ``trainbook WORDS`` to the end."""
    return _ends(run(folder, *words), code)
