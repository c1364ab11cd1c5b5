"""sync: deliver to the tracking server what it did not take while runs went on."""

import argparse

from trainbook import project
from trainbook.address import without_secrets
from trainbook.faults import Fault
from trainbook.outbox import Outbox, said


def main(arguments: list[str]) -> None:
    """``trainbook sync [NAME …]``"""
    parser = argparse.ArgumentParser("trainbook sync", description=__doc__, allow_abbrev=False)
    parser.add_argument("names", nargs="*", metavar="NAME", help="runs, by their folders under runs/; none = all")
    given = parser.parse_args(arguments)
    boxes = [Outbox.of(name) for name in given.names or sorted(path.parent.name for path in project.RUNS.glob("*/outbox"))]
    if missing := [box.folder.parent.name for box in boxes if not box.about]:
        raise Fault(f"Runs that a tracking server was to record were expected; {', '.join(missing)} is none.")
    full = [box for box in boxes if box.waiting()]
    if not full:
        print("Nothing waits.")
        return
    from trainbook.recorded import open_tracking
    from trainbook.run import Run

    opened, uri = open_tracking()
    left = []
    for box in full:
        name, about = box.folder.parent.name, box.about
        if about["uri"] != without_secrets(uri):
            left.append(f"{name} belongs to {about['uri']}: set MLFLOW_TRACKING_URI to that")
            continue
        try:
            known = len(box.refused())
            count = box.deliver(Run(opened, about["id"], uri))
            if refused := len(box.refused()) - known:
                left.append(f"{name}: {without_secrets(uri)} refused {refused} records, which stay in {box.folder}")
            print(f"{name}: {count} records delivered to run {about['id']}")
            box.end()
        except Exception as error:  # of many kinds, by what a server does
            left.append(f"{name}: {said(error, uri)}")
    if left:
        raise Fault(f"Not everything was delivered. {'; '.join(left)}.")
