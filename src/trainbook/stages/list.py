"""list: the catalogue of experiments, a line each."""

import argparse

from trainbook.project import CONF


def main(arguments: list[str]) -> None:
    """``trainbook list``"""
    argparse.ArgumentParser("trainbook list", description=__doc__).parse_args(arguments)
    files = sorted((CONF / "experiment").glob("*.yaml"))
    width = max((len(file.stem) for file in files), default=0)
    for file in files:
        comments = (line[1:].strip() for line in file.read_text(encoding="utf-8").splitlines() if line.startswith("#"))
        said = next((comment for comment in comments if comment and not comment.startswith("@")), "")
        print(f"{file.stem:{width}}  {said}".rstrip())
