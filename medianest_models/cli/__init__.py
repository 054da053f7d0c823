"""The command `medianest`: it parses arguments and prints text or JSON; the rest of the package does the work.

Exit status: 0 done, 1 it failed, 2 the arguments or the settings are wrong, 130 stopped with Ctrl-C. If the reader of
the output is gone, it is 1, without a message.
"""

import os
import sys


def main() -> None:
    """Run the command, as the console script `medianest`."""
    if sys.stdout is None:
        sys.exit("Error: the output can't be written: it is closed")
    try:
        try:
            from medianest_models.cli.application import application  # noqa: PLC0415 - Ctrl-C may come meanwhile

            application(_anyio_backend="asyncio", prog_name="medianest")
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:  # Ctrl-C: the event loop raises it past click
        sys.stderr.write("Stopped.\n")
        sys.exit(130)  # as a shell says of a program that SIGINT has ended
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python writes what is left, and would complain
        sys.exit(1 if isinstance(error, BrokenPipeError) else f"Error: the output can't be written: {error.strerror}")
