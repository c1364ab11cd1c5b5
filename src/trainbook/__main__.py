"""The command line: `trainbook WORD …`."""

import errno
import os
import signal
import sys
from importlib import import_module

from trainbook import project
from trainbook.faults import Fault, Interrupted
from trainbook.suggestions import nearest

WORDS = {
    "train": "train an experiment: trainbook train experiment=mnist_mlp optimizer.lr=0.01",
    "tune": "search for better settings: trainbook tune experiment=mnist_mlp search=mlp",
    "status": "how far a search is: trainbook status search.study=NAME",
    "evaluate": "open the test split for a model: trainbook evaluate model=runs/<run>/model",
    "predict": "answer raw inputs: trainbook predict model=build/model/mnist_mlp input=digit.png",
    "explain": "why a model answers as it does: trainbook explain model=build/model/mnist_cnn input=digit.png",
    "register": "a version in MLflow's registry: trainbook register experiment=mnist_mlp --alias champion",
    "serve": "answer raw inputs over HTTP: trainbook serve model=models:/mnist_mlp@champion",
    "runs": "all recorded trainings, the newest first: trainbook runs mnist_mlp",
    "diff": "what differs between two runs: trainbook diff RUN RUN",
    "lineage": "where a file, a run or a model came from, and what came of it: trainbook lineage RUN",
    "reproduce": "derive a run again from its record alone, and compare: trainbook reproduce RUN",
    "sync": "deliver what a tracking server did not take while runs went on",
    "show": "the resolved settings of an experiment: trainbook show experiment=mnist_mlp",
    "list": "the catalogue of experiments",
    "new": "the files of an addition, ready to fill in: trainbook new network|data|task|experiment NAME",
    "prepare": "prepare a data set: trainbook prepare data=mnist",
    "check": "check raw data and draw a profile of them: trainbook check data=mnist",
    "compose": "write the settings of the experiments in params.yaml (the first stage of dvc repro)",
    "catalogue": "train and evaluate every experiment, and write docs/catalogue.md",
    "gc": "remove runs and checkpoints that nothing refers to: trainbook gc --dry-run",
}
UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EPERM, errno.EROFS)
HINT = "free some space, or choose a folder that can be written"
ANYWHERE = ("predict", "explain", "serve")
"""Words that need no project around them."""


def main() -> None:
    """Do what the words say. Exit code 0, 1 (a fault), 2 (a wrong command line), 130 (Ctrl-C), 143 (SIGTERM)."""
    signal.signal(signal.SIGTERM, _leave)
    arguments = sys.argv[1:]
    wants_traceback = "--traceback" in arguments or bool(os.environ.get("TRAINBOOK_TRACEBACK"))
    arguments = [argument for argument in arguments if argument != "--traceback"]
    try:
        _dispatch(arguments)
    except KeyboardInterrupt as error:
        number = getattr(error, "number", signal.SIGINT)
        print(f"trainbook: {'terminated' if number == signal.SIGTERM else 'interrupted'}", file=sys.stderr)
        sys.exit(128 + number)
    except BrokenPipeError:  # the reader has seen enough, as in `… | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Exception as error:
        if wants_traceback:
            raise
        sys.exit(_tell(error))


def _leave(number: int, _: object) -> None:
    raise Interrupted(number)


def _dispatch(arguments: list[str]) -> None:
    word, rest = (arguments[0], arguments[1:]) if arguments else ("--help", [])
    if word in ("--help", "-h", "help"):
        print(_help())
    elif word == "--version":
        from importlib.metadata import version

        print(f"trainbook {version('trainbook')}")
    elif word in ("-sc", "--shell-completion"):
        project.enter()
        _complete(arguments)
    elif word in WORDS:
        project.enter(required=word not in ANYWHERE)
        import_module(f"trainbook.stages.{word}").main(rest)
    else:
        raise Fault(f"{word!r} is not a word of trainbook; {nearest(word, list(WORDS))}", code=2)


def _help() -> str:
    lines = [f"  {word:9} {text}" for word, text in WORDS.items()]
    return "\n".join(
        [
            "trainbook: a lab book for training deep networks",
            "",
            "usage: trainbook WORD [key=value …] [--flag …]",
            "",
            *lines,
            "",
            "trainbook WORD --help says more. --traceback shows where an error arose. `dvc repro` runs the pipeline.",
        ]
    )


def _complete(arguments: list[str]) -> None:
    """Tab completion of settings, by Hydra: the line it sees is without our word."""
    from trainbook import settings

    line = os.environ.get("COMP_LINE", "").split(" ")
    if len(line) > 1 and line[1] in WORDS:
        os.environ["COMP_LINE"] = " ".join([line[0], *line[2:]])
    elif line[1:]:
        print(" ".join(WORDS))
        return
    settings.run(lambda _: None, arguments, lambda _: None)


def _tell(error: Exception) -> int:
    """Print an error as a sentence and give its exit code; a full disk and a closed folder are faults, too."""
    code = error.code if isinstance(error, Fault) else 1
    if isinstance(error, Fault):
        text = str(error)
    elif isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        text = f"{where}{error.strerror or error}" + (f" ({HINT})" if error.errno in UNWRITABLE else "")
    elif "os error" in str(error) or "file write failed" in str(error) or "disk is full" in str(error):  # of libraries
        text = f"A file cannot be written ({' '.join(str(error).split())[:200]}): {HINT}"
    else:
        said = " ".join(str(error).split())[:500]
        text = f"{type(error).__name__}: {said} (nobody expected this; --traceback shows where it arose)"
    for line in text.splitlines():
        print(f"trainbook: {line}", file=sys.stderr)
    return code


if __name__ == "__main__":
    main()
