"""Models that MLflow keeps: found by their address, brought here as model folders, registered as versions."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from trainbook.address import without_secrets
from trainbook.faults import Fault
from trainbook.files import file_digest, read_yaml
from trainbook.mistakes import first_line
from trainbook.run import Run

if TYPE_CHECKING:  # MLflow takes seconds to import
    from mlflow import MlflowClient

SCHEMES = ("models:/", "runs:/")
LOADER = "trainbook.serving"
"""The module that MLflow loads a trainbook model by."""
WEIGHTS, NOTED = "trainbook.weights", "trainbook.files"
"""Tags: of a run and of a version, the digest of the weights; of a run, that of ``run.yaml``, which notes those of all files."""


@dataclass(frozen=True)
class Kept:
    """A model that MLflow keeps: of a run, or a version of a registered model."""

    text: str
    model_id: str
    run_id: str
    weights: str
    """Digest of the weights that the run recorded."""
    noted: str
    """Digest of the folder's ``run.yaml``, which notes those of all its files."""


def kept(opened: "MlflowClient", uri: str, text: str) -> Kept:
    """The model of ``models:/NAME@ALIAS``, ``models:/NAME/VERSION``, ``models:/MODEL_ID`` or ``runs:/RUN``.

    Raises:
        Fault: another form, nothing of that name, or no model of trainbook.
    """
    from mlflow.exceptions import MlflowException

    where = without_secrets(uri)
    model_id: str | None
    run_id: str | None
    try:
        if text.startswith("runs:/"):
            run_id = text.removeprefix("runs:/").partition("/")[0]
            model_id = Run(opened, run_id, uri).model_id()
        elif "@" in text or "/" in text.removeprefix("models:/"):
            version = _version(opened, text)
            run_id, model_id = version.run_id, model_id_of(version)
        else:
            model_id = text.removeprefix("models:/")
            run_id = opened.get_logged_model(model_id).source_run_id
        tags = opened.get_run(run_id).data.tags if run_id else {}
    except MlflowException as error:
        raise Fault(
            f"{text}: models:/NAME@ALIAS, models:/NAME/VERSION, models:/MODEL_ID or runs:/RUN was expected; {where} says: "
            f"{first_line(error)[:200]}"
        ) from error
    if model_id is None or run_id is None or WEIGHTS not in tags or NOTED not in tags:
        raise Fault(f"{text}: a model that `trainbook train` recorded was expected in {where}; this one is not, or not whole.")
    return Kept(text, model_id, run_id, tags[WEIGHTS], tags[NOTED])


def _version(opened: "MlflowClient", text: str) -> Any:
    rest = text.removeprefix("models:/")
    if "@" in rest:
        name, _, alias = rest.rpartition("@")
        return opened.get_model_version_by_alias(name, alias)
    name, _, number = rest.rpartition("/")
    return opened.get_model_version(name, number)


def model_id_of(version: Any) -> str | None:
    """The logged model that a version is of: an open MLflow keeps it as the version's source alone."""
    return str(version.source).removeprefix("models:/") if str(version.source).startswith("models:/") else None


def holder(opened: "MlflowClient", name: str, alias: str) -> Any:
    """The version of a registered model that has an alias; None where there is none."""
    from mlflow.exceptions import MlflowException

    try:
        return opened.get_model_version_by_alias(name, alias)
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):  # no such model; no such alias
            return None
        raise


def add(opened: "MlflowClient", model: Kept, name: str, tags: dict[str, str], description: str) -> Any:
    """A version of a registered model, which is made if need be; a model that has a version there gets no second one."""
    from mlflow.exceptions import MlflowException

    try:
        opened.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    for version in opened.search_model_versions(f"name = '{name}'"):
        if model_id_of(version) == model.model_id:
            opened.update_model_version(name, version.version, description)
            for key, value in tags.items():
                opened.set_model_version_tag(name, version.version, key, value)
            return version
    source = f"models:/{model.model_id}"
    return opened.create_model_version(name, source, model.run_id, tags, description=description, model_id=model.model_id)


def bring(opened: "MlflowClient", model: Kept, uri: str, scratch: Path) -> Path:
    """A kept model's folder, copied into ``scratch``; nothing of it is run.

    Raises:
        Fault: it cannot be read, leads out of its folder, or its weights are not those of its run.
    """
    from mlflow.artifacts import download_artifacts
    from mlflow.exceptions import MlflowException

    try:
        location = opened.get_logged_model(model.model_id).artifact_location
        whole = Path(download_artifacts(artifact_uri=location, dst_path=str(scratch), tracking_uri=uri))
    except (MlflowException, OSError) as error:
        raise Fault(f"{model.text} cannot be read from {without_secrets(uri)}: {first_line(error)[:200]}") from error
    flavor = read_yaml(whole / "MLmodel").get("flavors", {}).get("python_function", {})
    inside = PurePosixPath(str(flavor.get("data")))
    if flavor.get("loader_module") != LOADER or inside.is_absolute() or ".." in inside.parts:
        raise Fault(
            f"{model.text}: a model that {LOADER} loads was expected; got {flavor.get('loader_module')!r}, {str(inside)!r}."
        )
    folder = whole / inside
    if any(path.is_symlink() for path in (folder, *folder.rglob("*"))):
        raise Fault(f"{model.text}: plain files were expected; it holds a link.")
    for name, wanted in (("weights.safetensors", model.weights), ("run.yaml", model.noted)):
        if not (folder / name).is_file() or file_digest(folder / name) != wanted:
            raise Fault(f"{model.text}: {name} with sha256 {wanted[:16]} was expected, as its run recorded; it has another.")
    return folder
