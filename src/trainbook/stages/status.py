"""status: how far a search is, from another terminal."""

import argparse
import sys

from trainbook import settings


def main(arguments: list[str]) -> None:
    """``trainbook status [search.study=NAME]``; without a name: the search that was begun last."""
    parser = argparse.ArgumentParser("trainbook status", description=__doc__, allow_abbrev=False)
    parser.add_argument("words", nargs="*", metavar="search.study=NAME")
    section, _ = settings.compose_search(parser.parse_intermixed_args(arguments).words)
    from rich.console import Console

    from trainbook.search import storage, studies
    from trainbook.search.board import table

    with storage.opened(create=False) as kept:
        study, others = studies.find(kept, section["study"])
        Console(width=None if sys.stdout.isatty() else 200).print(table(study, everything=True))
        if others:
            print(f"other studies: {', '.join(others)} (search.study=NAME)")
