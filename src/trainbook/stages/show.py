"""show: the settings of an experiment, composed and resolved."""

import sys

from trainbook import settings
from trainbook.files import to_yaml


def main(arguments: list[str]) -> None:
    """``trainbook show experiment=NAME [key=value …]``"""
    sys.stdout.write(to_yaml(settings.compose(arguments)))
