"""The command `medianest`: arguments in, text or JSON out; what it does stands in the rest of the package.

Exit status: 0 done, 1 it failed, 2 the arguments or the settings are wrong, 130 stopped with Ctrl-C. When nobody reads
the output any more it ends with 1, without a word.
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
