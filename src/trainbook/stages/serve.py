"""serve: a model that answers raw inputs over HTTP, for this machine alone."""

import argparse
import socket

from trainbook.faults import Fault
from trainbook.stages.predict import folder_of


def main(arguments: list[str]) -> None:
    """``trainbook serve model=FOLDER|runs:/…|models:/… [--port N]``: POST raw inputs to /invocations."""
    parser = argparse.ArgumentParser("trainbook serve", description=__doc__, allow_abbrev=False)
    parser.add_argument("word", metavar="model=FOLDER", help="or model=runs:/RUN, model=models:/NAME@ALIAS")
    parser.add_argument("--port", type=int, default=5001, metavar="N", help="default: 5001")
    given = parser.parse_args(arguments)
    key, _, text = given.word.partition("=")
    if key != "model" or not text:
        raise Fault(f"model=FOLDER was expected; got {given.word}.", code=2)
    from trainbook import serving

    _free(serving.LOOPBACK, given.port)
    with folder_of(text) as folder:
        from trainbook.model import Model

        model = Model.open(folder)
        print(f"{text} answers at http://{serving.LOOPBACK}:{given.port}/invocations (Ctrl-C ends it)", flush=True)
        serving.serve(model, given.port)


def _free(host: str, port: int) -> None:
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((host, port))
        except (OSError, OverflowError) as error:
            raise Fault(f"--port {port}: a port that is free was expected ({error}).") from error
