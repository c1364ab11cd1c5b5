"""Commands: how soon they answer, beside the import of the library that they cannot do without."""

import subprocess
import sys
from collections.abc import Callable, Iterator

from scratch import HERE
from turns import Row, seconds, turns


def run(*words: str, code: int = 0) -> Callable[[], float]:
    """A Python process, timed from its start to its end; one that fails otherwise than it should is no measurement."""

    def process() -> None:
        done = subprocess.run([sys.executable, *words], capture_output=True, text=True)
        if done.returncode != code:
            raise RuntimeError(f"{' '.join(words)}: exit code {code} was expected; got {done.returncode}: {done.stderr}")

    return seconds(process)


def commands(rounds: int) -> Iterator[Row]:
    """Help, settings, a mistake, and the first step of a training."""
    for what, reach, code, words in (
        ("trainbook --help", 1.6, 0, ["--help"]),
        ("trainbook show", 2.5, 0, ["show", "experiment=mnist_mlp"]),
        ("a mistyped key", 2.5, 1, ["train", "experiment=mnist_mlp", "optimizer.learning_rate=0.1"]),
    ):
        found = turns(2 * rounds - 1, False, trainbook=run("-m", "trainbook", *words, code=code), hydra=run("-c", "import hydra"))
        yield Row(what, "import hydra", reach, found["trainbook"], found["hydra"], note="one process on each side")
    first = run(str(HERE / "first_step.py"), "train", "experiment=mnist_mlp", "--quiet", "--fresh")
    first()  # the scratch project's database and prepared data
    found = turns(rounds, False, trainbook=first, lightning=run("-c", "import pytorch_lightning"))
    what, opponent = "first step of trainbook train", "import pytorch_lightning"
    yield Row(what, opponent, 1.8, found["trainbook"], found["lightning"], note="threads 1")
