"""What the server of workers loads before it forks the first one, so that none of them has to."""

import contextlib
import subprocess
from pathlib import Path

import hydra  # noqa: F401
import mlflow.pyfunc
import mlflow.store.artifact.local_artifact_repo
import mlflow.store.tracking.sqlalchemy_store  # noqa: F401
import pytorch_lightning.trainer.trainer  # noqa: F401
import sqlalchemy.orm
import torch._dynamo  # noqa: F401
from mlflow.utils.requirements_utils import warn_dependency_requirement_mismatches

import trainbook.evaluation
import trainbook.model
import trainbook.search.trial
import trainbook.serving
import trainbook.stages.train
import trainbook.stages.tune  # noqa: F401
from trainbook import checks, provenance, record, settings
from trainbook.environment import environment

sqlalchemy.orm.configure_mappers()
warn_dependency_requirement_mismatches(["numpy"])  # reads which modules each installed package has
environment()
provenance.source_digests(
    f"trainbook.{path.relative_to(provenance.PACKAGE).with_suffix('').as_posix().replace('/', '.')}"
    for path in provenance.PACKAGE.rglob("*.py")
)
checks.check(settings.compose([]))
with contextlib.suppress(OSError, subprocess.CalledProcessError):
    record.uncommitted(Path.cwd())
