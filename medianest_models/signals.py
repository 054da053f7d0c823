"""Handling signals for the duration of a block."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from signal import Signals


@contextmanager
def on_signals(act: Callable[[], object], *numbers: Signals) -> Iterator[None]:
    """Call a function at these signals while a `with` block runs, on the event loop of the main thread."""
    loop = asyncio.get_running_loop()
    with ExitStack() as stack:
        with suppress(NotImplementedError):  # on Windows
            for number in numbers:
                loop.add_signal_handler(number, act)
                stack.callback(loop.remove_signal_handler, number)
        yield
