"""What the server of workers loads before it forks the first one, so that none of them has to.

Nothing here may touch a GPU: CUDA that was begun before a fork cannot be used after it.
"""

import contextlib
import os
import signal
from pathlib import Path

signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's
os.environ.setdefault("PYTORCH_NVML_BASED_CUDA_CHECK", "1")  # asks for GPUs without beginning CUDA

import hydra  # noqa: E402, F401
import mlflow.pyfunc  # noqa: E402
import mlflow.store.artifact.local_artifact_repo  # noqa: E402
import mlflow.store.tracking.sqlalchemy_store  # noqa: E402, F401
import pytorch_lightning.trainer.trainer  # noqa: E402, F401
import sqlalchemy.orm  # noqa: E402
import torch._dynamo  # noqa: E402, F401
from mlflow.utils.requirements_utils import warn_dependency_requirement_mismatches  # noqa: E402

import trainbook.evaluation  # noqa: E402
import trainbook.model  # noqa: E402
import trainbook.search.trial  # noqa: E402
import trainbook.serving  # noqa: E402
import trainbook.stages.train  # noqa: E402
import trainbook.stages.tune  # noqa: E402, F401
from trainbook import checks, provenance, record, settings  # noqa: E402
from trainbook.environment import packages  # noqa: E402

for warm in (
    sqlalchemy.orm.configure_mappers,
    lambda: warn_dependency_requirement_mismatches(["numpy"]),  # reads which modules each installed package has
    packages,
    lambda: provenance.source_digests(
        f"trainbook.{path.relative_to(provenance.PACKAGE).with_suffix('').as_posix().replace('/', '.')}"
        for path in provenance.PACKAGE.rglob("*.py")
    ),
    lambda: checks.check(settings.compose([])),
    lambda: record.uncommitted(Path.cwd()),
):
    with contextlib.suppress(Exception):  # whoever needs it will say what is wrong
        warm()
