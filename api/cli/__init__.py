"""The command line: what an operator does to a service (Typer)."""

import gc
import sys


def main() -> None:
    """Run ``rollbook`` with the arguments of this process.

    Exit status: 0 done, 1 refused (one line on standard error), 2 the arguments are wrong.
    """
    # A third of a short command was the collector looking at modules that stay anyway; the server
    # turns it on again.
    gc.disable()
    try:
        run(sys.argv[1:])
    finally:
        gc.freeze()


def run(arguments: list[str]) -> None:
    """Run one command; raises SystemExit with its exit status."""
    from api.cli.application import app
    from api.cli.failures import line_of

    try:
        app(arguments, prog_name="rollbook")
    except Exception as error:
        line = line_of(error)
        if line is None:
            raise  # a defect, and its traceback is what a report of it needs
        sys.stderr.write(f"rollbook: {line}\n")
        sys.exit(1)
