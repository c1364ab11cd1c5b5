"""Give training batches the noise that a generator begins with."""

from trainbook.batch import Batch
from trainbook.data.augmentations.draws import Draws


class Latent:
    """Adds the input ``noise`` (n, size), drawn anew for each row in each epoch.

    Args:
        size: numbers a row.
    """

    def __init__(self, size: int) -> None:
        self.size = size

    def __call__(self, batch: Batch, draws: Draws) -> Batch:
        return batch._replace(inputs={**batch.inputs, "noise": draws.normal(batch.row, self.size)})
