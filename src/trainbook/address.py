"""Where runs are recorded: a local file of the project, or an MLflow server."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from trainbook.faults import Away, Fault
from trainbook.files import replacing

if TYPE_CHECKING:  # MLflow takes seconds to import
    from mlflow import MlflowClient

QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # with user and password
}
"""What MLflow is told by its environment, where nobody told it otherwise."""
DATABASE, ARTIFACTS = Path("mlflow.db"), Path("mlartifacts")


def address(tracking: Mapping[str, Any]) -> str:
    """Where runs are recorded: ``tracking.uri``, else MLFLOW_TRACKING_URI, else a local file of the project.

    A server's address is given without user and password; MLflow finds those in the environment, and names them in no error.

    Raises:
        Fault: a server is wanted, and nothing says where.
    """
    own = tracking.get("uri")
    given = own or os.environ.get("MLFLOW_TRACKING_URI")
    if tracking.get("server") and not given:
        raise Fault("tracking=server: an address was expected. Set MLFLOW_TRACKING_URI or tracking.uri.")
    uri = _without_login(str(given or f"sqlite:///{DATABASE.absolute()}"))
    if given and not own:
        os.environ["MLFLOW_TRACKING_URI"] = uri
    return uri


def _without_login(uri: str) -> str:
    """A server's address; user and password go where MLflow looks for them."""
    scheme, _, rest = uri.partition("://")
    login, at, host = rest.rpartition("@")
    if scheme not in ("http", "https") or not at:
        return uri
    user, _, password = login.partition(":")
    os.environ |= {"MLFLOW_TRACKING_USERNAME": unquote(user), "MLFLOW_TRACKING_PASSWORD": unquote(password)}
    return f"{scheme}://{host}"


def without_secrets(uri: str) -> str:
    """An address as it may be shown and recorded: no user, no password, no folder of this machine."""
    scheme, _, rest = uri.partition("://")
    if scheme == "sqlite":
        return f"sqlite:///{Path(urlsplit(uri).path).name}"
    parts = urlsplit(f"{scheme}://{rest.rpartition('@')[2]}")  # a password may hold what ends an address
    return f"{scheme}://{parts.netloc}{parts.path}"


def client(uri: str) -> "MlflowClient":
    """A client of a tracking server or file; a fresh file is made whole before anybody else can see it.

    Raises:
        Away: the file is locked, or the server does not answer.
        Fault: the file was written by a later MLflow.
    """
    from filelock import FileLock

    file = Path(urlsplit(uri).path[1:]) if uri.startswith("sqlite:") else None
    try:
        if file is not None and not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{file}.lock"):  # of several that come first, one makes the tables
                if not file.exists():
                    with replacing(file) as new:  # one that is killed leaves nothing half made
                        unchecked(f"sqlite:///{new}").search_experiments(max_results=1)
        opened = unchecked(uri)
        opened.search_experiments(max_results=1)
    except Exception as error:
        raise unreachable(uri, error) from error
    return opened


def unchecked(uri: str) -> "MlflowClient":
    """A client of a tracking server that may be away."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri)


def unreachable(uri: str, error: Exception) -> Fault:
    """What to say of an MLflow that does not answer as it should."""
    where, text = without_secrets(uri), str(error)
    if "locked" in text:
        return Away(f"{where} is locked by another process. Wait until that is done, or close it, and try again.")
    if "out-of-date" in text or "Can't locate revision" in text:
        return Fault(f"{where} was written by another version of MLflow. Install the newer one, or move the file away.")
    return Away(
        f"{where} cannot be reached: {' '.join(text.replace(uri, where).split())[:300]} (tracking=none trains without it)."
    )
