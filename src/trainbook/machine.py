"""Metrics of the machine while a run goes on: processor, memory, disk, network, GPU."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from trainbook.run import Run


@contextmanager
def watching(tracking: Mapping[str, Any], run: Run) -> Iterator[None]:
    """Record them for the time of a block, if the settings want it; those that a server does not take at once are lost."""
    if not tracking.get("system_metrics"):
        yield
        return
    from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

    how: Any = {"sampling_interval": 5, "resume_logging": True, "tracking_uri": run.uri}
    monitor: Any = SystemMetricsMonitor(run.id, **how)  # type: ignore[no-untyped-call]
    monitor.start()
    try:
        yield
    finally:
        ending = threading.Thread(target=monitor.finish, daemon=True)  # which waits for a server that may be away
        ending.start()
        ending.join(tracking["patience"])
