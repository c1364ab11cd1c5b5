"""list: the catalogue of experiments, a line each."""

import argparse

from trainbook.project import CONF


def main(arguments: list[str]) -> None:
    """``trainbook list``"""
    argparse.ArgumentParser("trainbook list", description=__doc__).parse_args(arguments)
    known = experiments()
    width = max(map(len, known), default=0)
    for name, said in known.items():
        print(f"{name:{width}}  {said}".rstrip())


def experiments() -> dict[str, str]:
    """What each file of `conf/experiment/` says in its first comment, by name."""
    found = {}
    for file in sorted((CONF / "experiment").glob("*.yaml")):
        comments = (line[1:].strip() for line in file.read_text(encoding="utf-8").splitlines() if line.startswith("#"))
        found[file.stem] = next((comment for comment in comments if comment and not comment.startswith("@")), "")
    return found
