"""The cluster: starting it, its URLs, the roles of its nodes, and a switchover."""

from __future__ import annotations

import asyncio
import secrets
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import asyncpg

from examples.cluster import configuration
from examples.cluster.configuration import SUPERUSER, Place
from examples.cluster.nodes import Node, Program, until
from examples.cluster.parts import ClusterError, Parts, find_parts
from examples.cluster.processes import kill_all, swept_at_the_end
from medianest_models.embedded import embedded_server
from medianest_models.embedded.programs import usable_bindir
from medianest_models.settings import Settings

_HOSTS: Final = {"a": "127.0.0.11", "b": "127.0.0.12", "c": "127.0.0.13"}
_DOOR: Final = "127.0.0.10"  # HAProxy's
_STORE: Final = "127.0.0.14"  # etcd's
_NAME: Final = "medianest"  # of the database, and of the role that owns it


@dataclass(frozen=True)
class Roles:
    """The roles of the nodes in a healthy cluster."""

    leader: Node
    standby: Node
    """The synchronous one; without synchronous replication, any."""
    other: Node


class Cluster:
    """A running cluster.

    Args:
        nodes: The three.
        folder: The folder of everything; processes that work in it or below end with the cluster.
        doors: The addresses of HAProxy that lead to the primary and to the standbys.
        password: That of all roles.
        synchronous: Whether a COMMIT waits for a standby.
    """

    def __init__(
        self, nodes: list[Node], folder: Path, doors: tuple[str, str], *, password: str, synchronous: bool
    ) -> None:
        self.nodes = nodes
        self.folder = folder
        self.synchronous = synchronous
        self._password = password
        self._doors = doors

    @property
    def primary_url(self) -> str:
        """The URL of the primary, through HAProxy."""
        return self._url(self._doors[0])

    @property
    def replica_url(self) -> str:
        """The URL of the standbys, through HAProxy."""
        return self._url(self._doors[1])

    def url(self, *nodes: Node) -> str:
        """Return a URL without HAProxy: the nodes, in this order."""
        return self._url(",".join(f"{node.place.host}:{node.place.port}" for node in nodes))

    def _url(self, hosts: str) -> str:
        return f"postgresql://{_NAME}:{self._password}@{hosts}/{_NAME}"

    def new_folder(self, name: str) -> Path:
        """Make a folder for the caller's processes: those that work in it end with the cluster."""
        folder = self.folder / name
        folder.mkdir()
        return folder

    async def leader(self) -> Node:
        """Wait until one node says that it is the primary, and return it."""

        async def find() -> Node | None:
            leaders = [node for node, state in await self._states() if state.get("role") == "primary"]
            return leaders[0] if len(leaders) == 1 else None

        return await until(find, "a primary")

    async def replaced(self, before: Node) -> None:
        """Wait until another node says that it is the primary, whatever this one says."""

        async def is_replaced() -> bool:
            return any(state.get("role") == "primary" for node, state in await self._states() if node is not before)

        await until(is_replaced, f"another primary than {before.name}")

    async def in_step(self) -> Roles:
        """Wait until there is one primary and two standbys that stream from it, and return the roles."""

        async def find() -> Roles | None:
            states = dict(await self._states())
            primaries = [node for node, state in states.items() if state.get("role") == "primary"]
            if len(primaries) != 1:
                return None
            clients = states[primaries[0]].get("replication", [])
            streaming = {client["application_name"]: client["sync_state"] for client in clients}
            standbys = [node for node in self.nodes if node is not primaries[0] and node.name in streaming]
            # both Patroni's view, which decides who may be promoted, and PostgreSQL's
            in_step = {node for node in standbys if states[node].get("sync_standby") and streaming[node.name] == "sync"}
            if len(standbys) < len(self.nodes) - 1 or len(in_step) != self.synchronous:
                return None
            return Roles(primaries[0], *sorted(standbys, key=lambda node: node not in in_step))

        return await until(find, "a primary and two standbys that stream from it")

    async def _states(self) -> list[tuple[Node, dict[str, Any]]]:
        states = await asyncio.gather(*(node.state() for node in self.nodes))
        return list(zip(self.nodes, states, strict=True))

    async def switch_over(self) -> None:
        """Switch over to another node as soon as Patroni agrees; if replication is synchronous, to that standby."""
        before = await self.leader()

        async def has_switched() -> bool:
            return await before.switch_over() or await self.leader() is not before

        await until(has_switched, f"a switchover from {before.name}")

    async def prepare(self) -> None:
        """Make the database and its owner, and wait until HAProxy leads there."""
        leader = (await self.in_step()).leader.place
        connection = await asyncpg.connect(
            host=leader.host, port=leader.port, user=SUPERUSER, password=self._password, database="postgres"
        )
        try:
            await connection.execute(f"CREATE ROLE {_NAME} LOGIN PASSWORD '{self._password}'")
            await connection.execute(f"CREATE DATABASE {_NAME} OWNER {_NAME}")
        finally:
            await connection.close()
        await until(self._is_open, "a way through HAProxy")

    async def _is_open(self) -> bool:
        """Return whether HAProxy leads to the database, on the primary and on a standby."""
        try:
            for url in (self.primary_url, self.replica_url):
                await (await asyncpg.connect(url, timeout=5)).close()
        except (OSError, asyncpg.PostgresError):  # a TimeoutError too, which is an OSError
            return False
        return True


@asynccontextmanager
async def running_cluster(*, synchronous: bool = True, bindir: Path | None = None) -> AsyncIterator[Cluster]:
    """Run a cluster with an empty database; remove all of it at the end.

    Args:
        synchronous: Whether a COMMIT waits for a standby.
        bindir: PostgreSQL's programs; None for the wheel's.

    Raises:
        ClusterError: A program is missing, or the cluster does not start; what its programs said last is in the error.
    """
    parts = find_parts()
    folder = _new_folder()
    programs, cluster = _describe(parts, folder, bindir, synchronous=synchronous)
    with swept_at_the_end(folder):
        try:
            for program in programs:
                program.start()
            for node in cluster.nodes:
                await until(node.reaches_etcd, "etcd")  # Patroni ends when etcd is not ready
                node.start()
            await cluster.prepare()
            yield cluster
        except ClusterError as error:
            said = [f"{log}:\n{log.read_text()[-2000:]}" for log in sorted(folder.glob("*/output.log"))]
            raise ClusterError("\n".join([str(error), *said])) from error
        finally:
            kill_all(folder)
            for program in (*programs, *(node.patroni for node in cluster.nodes)):
                program.wait()


def _new_folder() -> Path:
    """Make the folder of everything; the programs' user may enter it."""
    folder = Path(tempfile.mkdtemp(prefix="medianest-cluster-")).resolve()  # as /proc shows it
    folder.chmod(0o755)
    return folder


def _describe(parts: Parts, folder: Path, bindir: Path | None, *, synchronous: bool) -> tuple[list[Program], Cluster]:
    """Write the configurations, and return the programs beside the nodes' Patronis, and the cluster."""
    settings = Settings(medianest_home=folder, pg_bindir=bindir)
    programs_of_postgres, major = usable_bindir(embedded_server(settings).bindir, parts.account)
    password = secrets.token_urlsafe(16)
    store, peers = (f"{_STORE}:{_free(_STORE)}" for _ in range(2))
    places = [Place(name, host, *(_free(host) for _ in range(3))) for name, host in _HOSTS.items()]
    doors = (f"{_DOOR}:{_free(_DOOR)}", f"{_DOOR}:{_free(_DOOR)}")

    def program(name: str, text: str, *command: str) -> Program:
        home = folder / name
        home.mkdir(mode=0o700)
        (home / "configuration").write_text(text)
        parts.account.own(home)
        return Program(parts.account, home, *command)

    balancer = [parts.haproxy, "-db", "-f", "configuration"]
    nodes = [
        Node(
            place,
            program(
                place.name,
                configuration.patroni(
                    place,
                    folder / place.name,
                    programs_of_postgres,
                    major=major,
                    password=password,
                    synchronous=synchronous,
                ),
                *parts.patroni,
                "configuration",
            ),
            program(f"wire-{place.name}", configuration.wire(place, store), *balancer),
        )
        for place in places
    ]
    etcd = program("store", "", parts.etcd, *configuration.etcd(store, peers))
    door = program("door", configuration.haproxy(places, *doors), *balancer)
    return [etcd, door, *(node.wire for node in nodes)], Cluster(
        nodes, folder, doors, password=password, synchronous=synchronous
    )


def _free(host: str) -> int:
    """Find a port of the host that is free."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port
