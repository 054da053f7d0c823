"""Start the portal: `python -m examples.portal`, until Ctrl-C.

The worker is a process of its own, as in production: what keeps it busy slows no page down, and each of the two can be
restarted without the other.
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import signal
import socket
import subprocess
import sys
from contextlib import suppress

from medianest_models import (
    ConfigurationError,
    ConflictError,
    MedianestError,
    User,
    database,
    load_settings,
)
from medianest_models.migrate.applying import migrate
from medianest_models.repositories import users
from medianest_models.seed import seed

try:
    import uvicorn

    from .app import app
except ImportError as error:
    sys.exit(f"{error}: the portal needs its extra, pip install 'medianest-models[portal]'")

HOST = "127.0.0.1"
FRIEND, ADMIN = "portal-friend", "portal-admin"
STOPPED_BY = (signal.SIGTERM, signal.SIGHUP)


async def prepare() -> dict[str, str]:
    """Migrate and seed the database, make two accounts, and return their new passwords."""
    if load_settings().is_production:
        raise ConfigurationError("MEDIANEST_ENV: says production, where nothing should pretend to download")
    await migrate()
    async with database():
        await seed()
        return {name: await make_account(name, role) for name, role in ((FRIEND, "user"), (ADMIN, "admin"))}


async def make_account(name: str, role: str) -> str:
    """Make a local account, or renew its password. The others of a real portal sign in through Plex."""
    password = secrets.token_urlsafe(12)
    try:
        await users.create_local(name, password=password, role=role)
    except ConflictError:
        user = await User.get(plex_id=f"local:{name}")
        await users.set_password(user.id, password=password)
    return password


def serve(port: int) -> None:
    """Serve the pages until a signal, with a worker beside them."""
    passwords = asyncio.run(prepare())
    for number in STOPPED_BY:  # uvicorn stops at SIGTERM and then sends it again, which would not end the worker
        signal.signal(number, lambda *_: sys.exit())
    # In a session of its own, so that Ctrl-C stops it by way of this process, and only once.
    command = (sys.executable, "-m", f"{__package__}.worker")
    with socket.create_server((HOST, port)) as listener, subprocess.Popen(command, start_new_session=True) as worker:
        try:
            print(f"The portal is at http://{HOST}:{listener.getsockname()[1]}/")
            for name, password in passwords.items():
                print(f"  sign in as {name}, password {password}")
            print("It only pretends to download and to check services. Ctrl-C ends it.", flush=True)
            # By default it would let any client on this machine choose the address by which it is limited.
            config = uvicorn.Config(app, access_log=False, log_level="warning", proxy_headers=False)
            with suppress(KeyboardInterrupt):
                uvicorn.Server(config).run([listener])
        finally:
            worker.terminate()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog=f"python -m {__package__}", description="Start the portal.")
    parser.add_argument("--port", type=int, default=8000, help="8000 by default; 0 takes any free one")
    try:
        serve(parser.parse_args().port)
    except (MedianestError, OSError) as error:
        sys.exit(f"the portal can't be started: {error}")
