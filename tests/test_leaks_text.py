"""Nothing is learnt from test texts: change them, and everything that was learnt stays byte for byte."""

from pathlib import Path

import numpy as np
import pandas

from kinds.project import Project
from trainbook.files import read_yaml

NAME, EXPERIMENT = "reviews", "reviews_cnn"
WORDS = [f"word{number}" for number in range(60)]


def reviews(rows: int, seed: int) -> pandas.DataFrame:
    """Made-up texts in the form of the project's own."""
    draw = np.random.default_rng(seed)
    texts = [" ".join(draw.choice(WORDS, int(draw.integers(5, 30)))) for _ in range(rows)]
    score = ["great" if "word1 " in text or draw.random() < 0.4 else "other" for text in texts]
    return pandas.DataFrame({"product": np.arange(rows), "review": texts, "score": score})


def changed(test: pandas.DataFrame, train: pandas.DataFrame) -> pandas.DataFrame:
    """Other words, other lengths and other answers; what stands in the training part, too, stays, for training leaves it out."""
    made = test.copy()
    new = ~test["review"].isin(train["review"])
    made.loc[new, "review"] = [f"{text} wholly new words {'again ' * at}" for at, text in enumerate(test.loc[new, "review"])]
    made.loc[new, "score"] = np.where(test.loc[new, "score"] == "great", "other", "great")
    return made


def test_what_is_learnt_does_not_hang_on_test_texts(tmp_path: Path) -> None:
    train, test = reviews(240, 1), reviews(80, 2)
    test.loc[[3, 4], "review"] = train.loc[[30, 40], "review"].to_numpy()
    projects = [Project(tmp_path / each) for each in ("true", "changed")]
    for project, part in zip(projects, (test, changed(test, train)), strict=True):
        folder = project.folder / "data/reviews"
        folder.mkdir(parents=True)
        train.to_csv(folder / "reviews_train.csv", index=False)
        part.to_csv(folder / "reviews_test.csv", index=False)
        project.run("prepare", f"data={NAME}", "--output", f"build/prepared/{NAME}")
        project.train("one", f"experiment={EXPERIMENT}", "trainer.max_epochs=2")
    one, other = (project.folder / "build/prepared" / NAME for project in projects)
    files = sorted(path.relative_to(one) for path in one.rglob("*") if path.is_file() and path.name != "facts.yaml")
    assert Path("steps.tokenize.json") in files
    differing = [path for path in files if (one / path).read_bytes() != (other / path).read_bytes()]
    assert differing
    assert {path.parts[0] for path in differing} == {"test"}
    facts, others = (read_yaml(folder / "facts.yaml") for folder in (one, other))
    assert facts["raw"]["x"]["left_out_as_in_test"] == 2
    for each in (facts, others):
        del each["made_from"], each["prepared"]["test"], each["counts"]["label"]["test"]
    assert facts == others
    learnt, again = (project.folder / "runs/one/model" for project in projects)
    for name in ("weights.safetensors", "steps.tokenize.json", "steps.safetensors"):
        assert (learnt / name).read_bytes() == (again / name).read_bytes()
