"""show: the settings of an experiment, composed and resolved."""

import argparse
import sys

from trainbook import settings
from trainbook.files import to_yaml


def main(arguments: list[str]) -> None:
    """``trainbook show experiment=NAME [key=value …]``"""
    parser = argparse.ArgumentParser("trainbook show", description=__doc__, allow_abbrev=False)
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="experiment=NAME, and settings to override")
    sys.stdout.write(to_yaml(settings.compose(parser.parse_args(arguments).overrides)))
