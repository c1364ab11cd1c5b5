"""The environment of a training: packages, Python, operating system, processor, GPU."""

import os
import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

DRIVER = Path("/proc/driver/nvidia/version")


@cache
def environment() -> dict[str, Any]:
    """Exact versions of everything that is installed, and what the machine is; torch is asked for GPUs."""
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "processor": processor(),
        "cores": os.cpu_count(),
        **_accelerators(),
        "packages": packages(),
    }


@cache
def packages() -> dict[str, str]:
    """Versions of everything that is installed, by name."""
    found: dict[str, str] = {}
    for each in distributions():  # of two with one name, Python imports the first
        found.setdefault(each.metadata["Name"] or "unknown", each.version)
    return dict(sorted(found.items(), key=lambda item: item[0].lower()))


def flat(known: dict[str, Any]) -> dict[str, Any]:
    """An environment with the packages among the rest."""
    versions: dict[str, Any] = known["packages"]
    return {key: value for key, value in known.items() if key != "packages"} | versions


def differing(then: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Entries that differ, each with both values; None where one side has none."""
    names = [*then, *(name for name in now if name not in then)]
    return {name: (then.get(name), now.get(name)) for name in names if then.get(name) != now.get(name)}


def processor() -> str:
    """The processor's name."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text(encoding="utf-8", errors="replace").splitlines() if information.is_file() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or "unknown")


def _accelerators() -> dict[str, Any]:
    import torch

    found: dict[str, Any] = {"gpus": [torch.cuda.get_device_name(at) for at in range(torch.cuda.device_count())]}
    if found["gpus"]:
        found |= {"cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version()}  # type: ignore[no-untyped-call]
        nccl: Any = torch.cuda.nccl
        found["nccl"] = ".".join(map(str, nccl.version())) if torch.distributed.is_nccl_available() else None
        said = DRIVER.read_text(encoding="utf-8", errors="replace") if DRIVER.is_file() else ""
        found["driver"] = next(iter(said.splitlines()), "unknown")
    return found
