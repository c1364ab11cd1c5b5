"""The loop of a search: gives positions to workers, hears what they say, and tells the study."""

import os
import re
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from trainbook import claim, project
from trainbook.faults import Fault, Interrupted
from trainbook.search import trial, workers
from trainbook.search.storage import BEAT
from trainbook.search.study import Assignment, Study
from trainbook.search.workers import Worker
from trainbook.settings import Settings

ALIKE = 5
"""So many first trials that fail for one reason end a search."""
NUMBERS = r"0x[0-9a-f]+|\d+(\.\d+)?(e[+-]?\d+)?"
"""What differs between reasons that are alike."""
Told = Callable[[int, str, str], None]
"""Takes a trial's number, how it ended, and what there is to say of it."""


@dataclass(frozen=True)
class Job:
    """What a worker needs to know."""

    settings: Settings
    study: tuple[str, str]
    number: int
    parent: str | None
    objectives: dict[str, str]
    hopeless: str | None


@dataclass
class Loop:
    """One process's part in a study."""

    study: Study
    token: str
    work: workers.Work
    threads: int
    parent: str | None
    told: Told
    looked: Callable[[], None]
    """Called about once a second."""
    running: dict[Worker, Assignment] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)
    beaten: float = 0.0
    asked: int = 0
    """The signal by which somebody wants us to leave."""

    def run(self) -> None:
        """Work until the plan is done, or its time is over.

        Raises:
            Fault: the first trials all failed for one reason, and none of the study ever came to a good end; or a trial
                cannot begin, as the place where runs are recorded is out of reach.
            KeyboardInterrupt: somebody wants us to leave; all trials have written where to go on from.
        """
        begun = time.monotonic()
        handlers = {number: signal.signal(number, self._ask) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            while True:
                if self.asked:
                    raise Interrupted(self.asked)
                late = self.study.plan.timeout is not None and time.monotonic() - begun >= self.study.plan.timeout
                while not late and len(self.running) < self.study.plan.workers and self._begin():
                    pass
                if not self.running and (late or self.study.done()):
                    return
                self._listen()
        finally:
            workers.dismiss(list(self.running), self._answer)
            for assignment in self.running.values():
                self.study.leave(assignment)
            for number, handler in handlers.items():
                signal.signal(number, handler)

    def _ask(self, number: int, _: object) -> None:
        """A worker that has reported must get its answer first; who asks twice does not want to wait."""
        if self.asked:
            raise Interrupted(number)
        self.asked = number

    def _begin(self) -> bool:
        """Take a position and give it to a worker; whether there was one."""
        assignment = self.study.take(self.threads)
        if assignment is None:
            return False
        name, number = self.study.plan.name, assignment.number
        hopeless = self.study.hopeless(assignment)
        folders = [folder for folder in claim.folders() if claim.called(folder, trial.name(name, number))]
        if known := trial.outcome((name, self.token), number, project.RUNS):
            self._end(assignment, (workers.ENDED, known))
        elif hopeless and any(claim.state(folder).get("ended") == "pruned" for folder in folders):
            self._end(assignment, (workers.PRUNED, hopeless))
        else:
            if assignment.reported and not folders:
                self.told(number, "began", "its checkpoints are not on this machine: it starts at epoch 0")
            whole = self.study.space.composed(assignment.values)
            if not self.study.plan.threads_fixed:
                whole["threads"] = assignment.threads
            job = Job(whole, (name, self.token), number, self.parent, self.study.plan.objectives, hopeless)
            log = project.RUNS / name / f"{number:03d}.log"
            self.running[Worker(self.work, job, self._gpu(whole), log)] = assignment
        return True

    def _listen(self) -> None:
        for worker in workers.heard(list(self.running), 1.0):
            said = worker.hear()
            if said[0] == workers.REPORT:
                worker.tell(self._answer(worker, said[1], said[2]))
            else:
                worker.close()
                self._end(self.running.pop(worker), said)
        if not self.running:
            time.sleep(0.2)  # others have what is left
        if time.monotonic() - self.beaten > BEAT / 2:
            self.study.beat(list(self.running.values()))
            self.beaten = time.monotonic()
        self.looked()

    def _answer(self, worker: Worker, epoch: int, value: float) -> str | None:
        return self.study.report(self.running[worker], epoch, value)

    def _end(self, assignment: Assignment, said: tuple[Any, ...]) -> None:
        """Note a worker's last words."""
        how: str = said[0]
        what: Any = said[1] if len(said) > 1 else ""
        if how == workers.ENDED:
            self.study.finish(assignment, what["values"], what["about"])
            what = ", ".join(
                f"{name} {value:.4f}" for name, value in zip(self.study.plan.objectives, what["values"], strict=True)
            )
        elif how == workers.PRUNED:
            self.study.prune(assignment)
        elif how == workers.FAILED:
            self.study.fail(assignment, what)
        else:
            self.study.leave(assignment)
        self.told(assignment.number, how, what)
        if how == workers.AWAY:
            raise Fault(f"The search stops, and no trial is lost: {what} The same command goes on.")
        self.reasons.append(re.sub(NUMBERS, "#", what) if how == workers.FAILED else "")
        first = self.reasons[:ALIKE]
        if len(first) == ALIKE == len(self.reasons) and len(set(first)) == 1 and first[0] and not self.study.ended_well():
            raise Fault(
                f"The first {ALIKE} trials failed alike, and the search stops: {what}\nMend that; the same command goes on."
            )

    def _gpu(self, whole: Settings) -> str | None:
        """A GPU of its own for each worker, where there are several."""
        if whole["trainer"]["accelerator"] not in ("gpu", "cuda", "auto"):
            return None
        import torch

        visible = os.environ.get("CUDA_VISIBLE_DEVICES")
        known = visible.split(",") if visible else [str(at) for at in range(torch.cuda.device_count())]
        taken = [each.gpu for each in self.running]
        return min(known, key=taken.count) if len(known) > 1 else None
