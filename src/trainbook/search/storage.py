"""Where a search is kept: Optuna's tables in a file of the project, or in a database that several machines reach."""

import os
import warnings
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import optuna
from filelock import FileLock
from optuna.exceptions import ExperimentalWarning, StorageInternalError
from optuna.storages import RDBStorage
from sqlalchemy import Engine, NullPool, create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from trainbook.address import DATABASE as RUNS
from trainbook.address import without_secrets
from trainbook.faults import Fault
from trainbook.files import replacing
from trainbook.mistakes import first_line

VARIABLE = "TRAINBOOK_STORAGE"
"""Environment variable with the address of a database, such as postgresql://…; it is never shown."""
DATABASE = Path("optuna.db")
BEAT, GRACE = 15, 60
"""Seconds between two heartbeats of a running trial, and without one until it counts as left."""


class Storage(RDBStorage):
    """Optuna's storage, which one process at a time may change where that matters."""

    def exclusive(self, name: str) -> AbstractContextManager[Any]:
        """Hold a lock over all processes and machines that share the storage, for the time of a block."""
        return _locked(self.engine, name)


@contextmanager
def _locked(engine: Engine, name: str) -> Iterator[None]:
    if engine.dialect.name == "sqlite":
        with FileLock(f"{engine.url.database}.lock"):
            yield
        return
    with engine.connect() as held:  # a lost connection gives the lock back
        number = {"number": zlib.crc32(name.encode())}
        held.execute(text("SELECT pg_advisory_lock(:number)"), number)
        try:
            yield
        finally:
            held.execute(text("SELECT pg_advisory_unlock(:number)"), number)


@contextmanager
def opened(create: bool = True) -> Iterator[Storage]:
    """The storage that the environment names, else that of the project, for the time of a block.

    Raises:
        Fault: it cannot be reached, or not any more; it is of a kind that several processes cannot share; there is none
            to look into.
    """
    warnings.filterwarnings("ignore", category=ExperimentalWarning)  # most of Optuna is, for years
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    kept = _connected(os.environ.get(VARIABLE) or f"sqlite:///{DATABASE.absolute()}", create)
    try:
        yield kept
    except (SQLAlchemyError, StorageInternalError) as error:
        raise Fault(f"The storage no longer answers ({type(error).__name__}). The same command goes on, once it does.") from error
    finally:
        kept.remove_session()
        kept.engine.dispose()


def _escaped(uri: str) -> str:
    """An address whose user and password hold nothing that ends one; they may be escaped already."""
    scheme, _, rest = uri.partition("://")
    who, at, where = rest.rpartition("@")
    return f"{scheme}://{':'.join(quote(unquote(part), safe='') for part in who.split(':', 1))}{at}{where}"


def _connected(uri: str, create: bool) -> Storage:
    kind = urlsplit(uri).scheme.partition("+")[0]
    if kind not in ("sqlite", "postgresql"):
        raise Fault(f"{VARIABLE}: an address that begins with postgresql:// or sqlite:/// was expected; got {kind or 'none'}://.")
    file = Path(urlsplit(uri).path[1:])
    if kind == "sqlite" and not file.exists() and not create:
        raise Fault(f"{without_secrets(uri)}: no search has been begun here. `trainbook tune experiment=…` begins one.")
    if kind == "sqlite" and not file.parent.is_dir():
        raise Fault(f"{VARIABLE}: a file in a folder that is there was expected; {file.parent} is not.")
    if kind == "sqlite" and file.absolute() == RUNS.absolute():
        raise Fault(f"{VARIABLE}: a file of its own was expected; {file} is MLflow's.")
    own: dict[str, Any] = {"connect_args": {"timeout": 60}} if kind == "sqlite" else {"pool_pre_ping": True}
    try:
        uri_with_driver = (_escaped(uri) if kind == "postgresql" else uri).replace("postgresql://", "postgresql+psycopg://", 1)
        engine = create_engine(uri_with_driver, poolclass=NullPool)
        with _locked(engine, "tables"):  # of several that come first, one makes them
            if kind == "sqlite" and not file.exists():
                with replacing(file) as new:  # whole, or not at all
                    RDBStorage(f"sqlite:///{new}").engine.dispose()
            return Storage(uri_with_driver, own, heartbeat_interval=BEAT, grace_period=GRACE)
    except ModuleNotFoundError as error:
        raise Fault(f"{VARIABLE}: PostgreSQL needs a driver: pip install 'trainbook[postgresql]'.") from error
    except Exception as error:
        said = first_line(error).partition("(Background")[0].replace(uri, without_secrets(uri))
        password = uri.partition("://")[2].rpartition("@")[0].partition(":")[2]
        said = said.replace(password, "…") if password else said
        raise Fault(f"The storage {without_secrets(uri)} ({VARIABLE}) cannot be reached: {said[:300]}") from error
