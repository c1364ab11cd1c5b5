"""A search beside plain trainings."""

import io
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from scratch import HERE
from turns import Row, turns

from trainbook import settings
from trainbook.search import storage, studies, workers
from trainbook.search.loop import Loop
from trainbook.search.plan import Plan
from trainbook.search.space import Space
from trainbook.search.study import Assignment, Study
from trainbook.stages import prepare
from trainbook.stages.train import train
from trainbook.stages.tune import attempt

TRIALS = 20
STEPPED = Path("stepped")
"""Where a trial notes the time of its first step."""
WORDS = ("experiment=mnist_mlp", "trainer.max_epochs=1", "optimizer.lr=tag(log,interval(1e-4,1e-2))")


class Timed(Study):
    """Notes when a position was asked for."""

    asked = 0.0

    def take(self, threads: int) -> Assignment | None:
        asked = time.time()
        taken = super().take(threads)
        self.asked = self.asked if taken is None else asked
        return taken


def _study(kept: storage.Storage, name: str, number: int, at_once: int, *words: str) -> Timed:
    section, chosen = settings.compose_search(
        ["search.sampler=random", "search.pruner=none", f"search.study={name}", f"search.n_trials={number}"]
    )
    space = Space.read([*WORDS, *words], {})
    plan = Plan.read({**section, "workers": at_once}, chosen, space.base(()), threads_fixed=True)
    begun = studies.begin(kept, plan, space)
    return Timed(begun.study, kept, plan, space)


def _work(study: Study) -> None:
    Loop(study, study.plan.name, attempt, 1, None, lambda *_: None, lambda: None).run()


def searching(rounds: int) -> Iterator[Row]:
    """From a parameter set to the first step of its trial; twenty trials beside twenty trainings."""
    prepare.ensure(settings.compose(["experiment=mnist_mlp"])["data"])
    os.environ["BENCHMARK_STEPPED"] = str(STEPPED.absolute())
    workers.warm()
    count = iter(range(1000))

    def first_step() -> float:
        with storage.opened() as kept:
            study = _study(kept, f"step-{next(count)}", 1, 1, "+callbacks.step._target_=stopwatch.FirstStep")
            _work(study)
            return float(STEPPED.read_text()) - study.asked

    def fresh() -> float:
        start = time.perf_counter()
        words = [sys.executable, HERE / "first_step.py", "train", "experiment=mnist_mlp", "--quiet", "--fresh"]
        subprocess.run(words, check=True, capture_output=True)
        return time.perf_counter() - start

    found = turns(rounds, ours=first_step, theirs=fresh)
    slowest = f"half a second at most: {max(found['ours']):.2f} s was the longest"
    yield Row(
        "a trial's first step, from asking for its parameters",
        "a fresh `trainbook train`",
        0.5 / min(found["theirs"]),
        **found,
        note=slowest,
    )

    def together() -> float:
        with storage.opened() as kept:
            study = _study(kept, f"twenty-{next(count)}", TRIALS, 2)
            start = time.perf_counter()
            _work(study)
            return time.perf_counter() - start

    def alone() -> float:
        start = time.perf_counter()
        for number in range(TRIALS):
            whole: dict[str, Any] = settings.compose([*WORDS[:2], f"optimizer.lr={1e-3 + number * 1e-5}"])
            with redirect_stdout(io.StringIO()):
                train(whole, quiet=True)
        return time.perf_counter() - start

    found = turns(1, ours=together, theirs=alone)
    yield Row(
        "20 trials of one epoch, two workers",
        "20 trainings in one process, one after the other",
        0.7,
        **found,
        note="1 thread each, tracked",
    )
