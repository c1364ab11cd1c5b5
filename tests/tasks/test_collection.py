"""What was predicted is read in the order of rows, each row once, whatever batches it came in."""

import torch

from trainbook.tasks.collection import Collection


def test_rows_come_in_order_and_once_and_fillers_not_at_all() -> None:
    collection = Collection()
    for rows in ([4, 1], [0, 4], [-1], [2]):
        row = torch.tensor(rows)
        collection.add(row, {"double": (row * 2).double()}, {"label": row + 7})
    rows, predictions, targets = collection.read(several=False)
    assert rows.tolist() == [0, 1, 2, 4]
    assert predictions["double"].tolist() == [0, 2, 4, 8]
    assert predictions["double"].dtype == torch.float32
    assert targets["label"].tolist() == [7, 8, 9, 11]


def test_batches_of_unequal_length_are_padded_to_the_longest() -> None:
    collection = Collection()
    collection.add(torch.tensor([1]), {"moments": torch.ones(1, 2, 3)}, {})
    collection.add(torch.tensor([0]), {"moments": torch.ones(1, 4, 3)}, {})
    moments = collection.read(several=False)[1]["moments"]
    assert moments.shape == (2, 4, 3)
    assert moments.sum((1, 2)).tolist() == [12, 6]


def test_of_many_rows_every_third_batch_is_kept() -> None:
    collection = Collection(every=3)
    for row in range(200):  # more batches than are joined at once
        collection.add(torch.tensor([row]), {"double": torch.tensor([2.0 * row])}, {})
    rows, predictions, _ = collection.read(several=False)
    assert rows.tolist() == list(range(0, 200, 3))
    assert predictions["double"].tolist() == list(range(0, 400, 6))
