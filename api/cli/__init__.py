"""The command line: what an operator does to a service (Typer)."""

import sys


def main() -> None:
    """Run ``rollbook`` with the arguments of this process; never returns.

    Exit status: 0 done, 1 refused (one line on standard error), 2 the arguments are wrong.
    """
    from api.cli.application import run
    from api.cli.failures import line_of

    try:
        run()
    except Exception as error:
        line = line_of(error)
        if line is None:
            raise  # a defect, and its traceback is what a report of it needs
        sys.stderr.write(f"rollbook: {line}\n")
        sys.exit(1)
