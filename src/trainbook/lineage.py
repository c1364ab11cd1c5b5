"""Lineage: how raw files, prepared data, runs and model versions came of one another."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from trainbook import project, registry, tracking
from trainbook.data.facts import FACTS, read_facts
from trainbook.faults import Fault
from trainbook.files import digest, file_digest, read_yaml
from trainbook.model import RUN
from trainbook.record import INIT, PREPARED, RAW, RECORD
from trainbook.recorded import find, open_tracking


@dataclass(frozen=True)
class Training:
    """A recorded training, by the facts that link it to others."""

    id: str
    name: str
    status: str
    tags: Mapping[str, str]
    versions: list[str] = field(default_factory=list)
    """Model versions made of it, with their aliases."""

    @property
    def weights(self) -> str | None:
        """Digest of the weights that it gave."""
        return self.tags.get(registry.WEIGHTS)


@dataclass(frozen=True)
class Node:
    """What a person asks for: raw data, and of them perhaps one prepared set, and of that perhaps one run."""

    raw: str
    prepared: str | None = None
    run: str | None = None


class Book:
    """Everything recorded, and what of it lies in the project's folders."""

    def __init__(self) -> None:
        self.client, self.uri = open_tracking()
        versions: dict[str, list[str]] = {}
        for version in self.client.search_model_versions():
            aliases = self.client.get_model_version(version.name, version.version).aliases
            text = " ".join([f"models:/{version.name}/{version.version}", *(f"@{alias}" for alias in aliases)])
            versions.setdefault(version.run_id, []).append(text)
        self.runs = [
            Training(run.info.run_id, run.info.run_name, run.info.status, run.data.tags, versions.get(run.info.run_id, []))
            for run in tracking.all_runs(self.client)
            if RAW in run.data.tags and PREPARED in run.data.tags
        ]
        found = [*project.PREPARED.glob(f"*/{FACTS}"), *(project.RUNS / "prepared").glob(f"*/{FACTS}")]
        self.prepared = {path.parent: read_facts(path.parent) for path in sorted(found)}
        models = [*project.MODELS.glob(f"*/{RUN}"), *project.RUNS.glob(f"*/model/{RUN}")]
        self.models = {path.parent: str(read_yaml(path).get("run")) for path in sorted(models)}

    def node(self, text: str) -> Node:
        """What a person named: a raw file, a folder of prepared data or of a model, a run, or a model that MLflow keeps.

        Raises:
            Fault: it is none of these, or nothing is recorded of it.
        """
        path = project.typed(text)
        if text.startswith(registry.SCHEMES) or not path.exists():
            return self._run(find(text)[0].id, text)
        if (path / RUN).is_file():
            return self._run(str(read_yaml(path / RUN).get("run")), text)
        if (path / FACTS).is_file():
            facts = read_facts(path)
            return Node(digest(facts["made_from"]["raw"]), digest(facts["prepared"]))
        return self._raw(path)

    def _run(self, run_id: str, text: str) -> Node:
        run = next((each for each in self.runs if each.id == run_id), None)
        if run is None:
            raise Fault(f"{text}: a recorded training was expected; its run {run_id} is not in the MLflow that is set now.")
        return Node(run.tags[RAW], run.tags[PREPARED], run.id)

    def _raw(self, path: Path) -> Node:
        """The raw data that a folder holds, or that a file belongs to with the contents that it has now."""
        now = file_digest(path) if path.is_file() else None
        raws = [*(digest(facts["made_from"]["raw"]) for facts in self.prepared.values()), *(run.tags[RAW] for run in self.runs)]
        then = []
        for raw in dict.fromkeys(raws):
            files = self.files(raw)
            known = files.get(path.as_posix())
            if now == known if now else any(Path(each).is_relative_to(path) for each in files):
                return Node(raw)
            then += [known[:16]] if known else []
        if then:
            raise Fault(f"{path}: sha256 {', '.join(then)} was expected, as recorded; got {str(now)[:16]}. Nothing came of that.")
        raise Fault(f"{path}: a raw file, prepared data, a model folder or a run was expected; nothing recorded came of it.")

    def files(self, raw: str) -> dict[str, str]:
        """The digests of the files of some raw data, from prepared data that lie here, else from the record of a run."""
        for facts in self.prepared.values():
            if digest(facts["made_from"]["raw"]) == raw:
                return dict(facts["made_from"]["raw"])
        for run in self.runs:
            if run.tags[RAW] == raw:
                with tempfile.TemporaryDirectory() as scratch:
                    path = self.client.download_artifacts(run.id, RECORD, scratch)
                    return dict(read_yaml(Path(path))["data"]["raw"])
        return {}

    def came_of(self, raw: str) -> dict[str, list[Training]]:
        """The prepared sets of some raw data, by digest, each with its trainings, the oldest first."""
        here = [digest(facts["prepared"]) for facts in self.prepared.values() if digest(facts["made_from"]["raw"]) == raw]
        found: dict[str, list[Training]] = {prepared: [] for prepared in here}
        for run in reversed(self.runs):
            if run.tags[RAW] == raw:
                found.setdefault(run.tags[PREPARED], []).append(run)
        return found

    def began_with(self, run: Training) -> list[Training]:
        """Trainings whose weights this one began with."""
        return [each for each in self.runs if each.weights is not None and each.weights == run.tags.get(INIT)]

    def went_on_from(self, run: Training) -> list[Training]:
        """Trainings that began with the weights of this one."""
        return [each for each in self.runs if run.weights is not None and run.weights == each.tags.get(INIT)]
