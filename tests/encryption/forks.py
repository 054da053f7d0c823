"""A program that hashes, forks by the method in its argument, hashes in the child, and prints the result."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import sys
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack

from pydantic import SecretStr

from medianest_models.encryption.passwords import hash_password, hashing_slot, verify_password
from medianest_models.errors import OverloadedError

PASSWORD = SecretStr("correct horse battery")


async def hashes() -> bool:
    with hashing_slot():
        return await verify_password(SecretStr(await hash_password(PASSWORD)), PASSWORD)


def in_child() -> bool:
    signal.alarm(50)  # a child that hangs must not stay when the test has failed
    return asyncio.run(hashes())


def by_fork() -> bool:
    child = os.fork()
    if child == 0:
        sys.exit(0 if in_child() else 1)  # with the interpreter's whole shutdown
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def by_executor() -> bool:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool:
        return pool.submit(in_child).result()


def by_fork_without_a_free_slot() -> bool:
    with ExitStack() as held:
        try:
            while True:
                held.enter_context(hashing_slot())
        except OverloadedError:
            return by_fork()


if __name__ == "__main__":
    assert asyncio.run(hashes())
    print(globals()[sys.argv[1]]() and asyncio.run(hashes()), flush=True)  # noqa: T201 - to the test
