"""Of several processes one writes, whoever started them."""

import pytest

from trainbook import processes

NOBODY = dict.fromkeys(processes.RANKS)


@pytest.mark.parametrize(
    ("started_by", "leads"),
    [
        ({}, True),
        ({"LOCAL_RANK": "1"}, False),  # Lightning, on one machine
        ({"NODE_RANK": "1"}, False),  # the first process of Lightning's second machine
        ({"RANK": "0", "LOCAL_RANK": "0", "GROUP_RANK": "0"}, True),  # torchrun
        ({"RANK": "2", "LOCAL_RANK": "0", "GROUP_RANK": "1"}, False),
        ({"SLURM_PROCID": "0", "SLURM_LOCALID": "0"}, True),
        ({"SLURM_PROCID": "4", "SLURM_LOCALID": "0"}, False),
    ],
)
def test_the_leader(monkeypatch: pytest.MonkeyPatch, started_by: dict[str, str], leads: bool) -> None:
    for name, value in (NOBODY | started_by).items():
        monkeypatch.setenv(name, value) if value is not None else monkeypatch.delenv(name, raising=False)
    assert processes.leads() is leads
