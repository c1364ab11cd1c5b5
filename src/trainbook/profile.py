"""Where the time of a training goes, by phase."""

import time
from pathlib import Path

import torch
from pytorch_lightning.profilers import SimpleProfiler

from trainbook.files import write_text

PHASES = {
    "data": (".train_dataloader_next", ".val_next", ".batch_to_device", "finish"),
    "forward": ("update",),
    "backward": ("backward",),
    "optimiser": ("descent",),
    "validation": ("judge",),
    "metrics": ("measure",),
    "tracking": ("tracking",),
    "checkpoints": ("checkpoint",),
    "progress bar": ("[Callback]Progress",),
}
"""The actions of each phase: our own by name, Lightning's by the beginning (``[``) or the end (``.``) of theirs."""
TRAINING = "training"
"""The action that encloses all others."""
WITHIN = {"forward": ("backward", "optimiser")}
"""Phases whose actions enclose others."""


class Profile(SimpleProfiler):
    """Lightning's profiler, which also knows our own actions and adds them up to phases.

    A GPU is waited for at the beginning and end of each action, so that the work is counted where it is done; that costs time.
    """

    def __init__(self, began: float) -> None:
        """``began``: when the run did, by ``time.perf_counter``."""
        super().__init__()
        self.began = began

    def start(self, action_name: str) -> None:
        if action_name == TRAINING:
            self.training_begun = time.perf_counter()
        _wait()
        super().start(action_name)

    def stop(self, action_name: str) -> None:
        _wait()
        super().stop(action_name)

    def summary(self) -> str:
        """Nothing: Lightning would print every action at the end of the training."""
        return ""

    def phases(self) -> dict[str, float]:
        """Seconds by phase, to this moment."""
        spent = {phase: sum(map(self._seconds, names)) for phase, names in PHASES.items()}
        for phase, inner in WITHIN.items():
            spent[phase] -= sum(spent[each] for each in inner)
        training, begun = self._seconds(TRAINING), self.training_begun - self.began
        after = time.perf_counter() - self.began - begun - training
        return {
            "start": begun,
            **spent,
            "loop and the rest": training - sum(spent.values()),
            "model and pictures": after,
        }

    def _seconds(self, name: str) -> float:
        fits = str.startswith if name[0] == "[" else str.endswith if name[0] == "." else str.__eq__
        return sum(sum(times) for action, times in self.recorded_durations.items() if fits(action, name))

    def table(self, epochs: int) -> str:
        """Phases with seconds and shares, as Markdown."""
        spent = self.phases()
        total = sum(spent.values())
        rows = [f"| {phase} | {value:.2f} | {100 * value / total:.1f} % |" for phase, value in spent.items()]
        counted = f"{epochs} epoch{'' if epochs == 1 else 's'}"
        head = [f"Where the time of {counted} went:", "", "| phase | seconds | share |", "|---|---|---|"]
        return "\n".join([*head, *rows, f"| all | {total:.2f} | 100.0 % |", ""])

    def tell(self, path: Path, epochs: int) -> None:
        """Write the table, and print it."""
        write_text(path, table := self.table(epochs))
        print(table, end="")


def _wait() -> None:
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.synchronize()
