"""What went wrong in words for the person at the keyboard."""


class Fault(Exception):
    """A mistake that its reader can mend: says what was expected, what came, and what to do.

    The command line prints it as one sentence, without a traceback, and exits with ``code``
    (1, or 2 for a wrong command line).
    """

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


class Away(Fault):
    """Where runs are recorded is out of reach for now: nobody's mistake, and the same command may do later."""


class Interrupted(KeyboardInterrupt):
    """Somebody wants the process to leave: Ctrl-C, or SIGTERM as before a pre-emption. Exit code 128 + ``number``."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


class Pruned(Exception):
    """A trial of a search is given up, for the reason that the exception says."""
