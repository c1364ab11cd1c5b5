"""Compiled or not, the same network is trained; where nothing can be compiled, a sentence says so."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from conftest import Command

TRAIN = ("train", "experiment=tiny_mlp", "tracking=none", "trainer.max_steps=10", "trainer.num_sanity_val_steps=0")


@pytest.mark.slow
def test_without_a_compiler_training_goes_on(trainbook: Command, project: Path, tmp_path: Path) -> None:
    plain = trainbook(*TRAIN, "--output", "plain")
    command = [sys.executable, "-m", "trainbook", *TRAIN, "compile=true", "--output", "fallen"]
    none = {**os.environ, "CXX": "/nonexistent/c++", "TORCHINDUCTOR_CACHE_DIR": str(tmp_path)}  # read when torch is imported
    done = subprocess.run(command, cwd=project, env=none, check=True, capture_output=True, text=True)
    (said,) = (line for line in done.stderr.splitlines() if "compile" in line)
    assert said.startswith("trainbook: compile: torch.compile does not work here")
    assert said.endswith("training goes on without it.")
    assert "compile" not in plain.stderr
    for name, value in load_file(project / "plain/weights.safetensors").items():
        assert np.array_equal(load_file(project / "fallen/weights.safetensors")[name], value)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None and not os.environ.get("CI"), reason="no C++ compiler; `make system` installs it")
def test_compiled_weights_have_the_names_and_almost_the_values_of_others(trainbook: Command, project: Path) -> None:
    trainbook(*TRAIN, "--output", "plain")
    done = trainbook(*TRAIN, "compile=true", "--output", "compiled")
    assert "compile" not in done.stderr
    plain, compiled = (load_file(project / name / "weights.safetensors") for name in ("plain", "compiled"))
    assert plain.keys() == compiled.keys()
    for name, value in plain.items():
        np.testing.assert_allclose(compiled[name], value, atol=1e-5)
