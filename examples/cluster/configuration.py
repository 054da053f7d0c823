"""The configuration of each program, and why it is so."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

TTL: Final = 20
"""Seconds after which a silent leader is replaced; Patroni's minimum."""
SUPERUSER: Final = "postgres"
_FIRST_BUILTIN_LOCALE: Final = 17  # PostgreSQL's major version


@dataclass(frozen=True)
class Place:
    """The addresses of a node."""

    name: str
    host: str
    port: int
    api_port: int
    store_port: int  # where Patroni reaches etcd, by a way that can be cut


def patroni(place: Place, folder: Path, bindir: Path, *, major: int, password: str, synchronous: bool) -> str:
    """Return the configuration of a node's Patroni: JSON, which is YAML too."""
    # C.UTF-8 is on every machine.
    locale: list[Any] = [{"locale-provider": "builtin"}, {"builtin-locale": "C.UTF-8"}, {"locale": "C"}]
    if major < _FIRST_BUILTIN_LOCALE:
        locale = [{"locale": "C.UTF-8"}]
    cluster = {
        "ttl": TTL,
        "loop_wait": 1,
        "retry_timeout": 3,
        "maximum_lag_on_failover": 16 << 20,
        # A primary that was killed is not started again, which may take long: a standby takes over at once.
        "primary_start_timeout": 0,
        # A COMMIT is acknowledged when a standby has it too, and only such a standby becomes the primary.
        "synchronous_mode": synchronous,
        "postgresql": {
            # A primary that was replaced becomes a standby without a copy of everything.
            "use_pg_rewind": True,
            "use_slots": True,
            "parameters": {
                "wal_keep_size": "256MB",  # or pg_rewind does not find its WAL
                "max_wal_size": "512MB",
                "wal_retrieve_retry_interval": "500ms",
                "max_connections": 200,
                "shared_buffers": "64MB",
            },
        },
    }
    node = {
        "listen": f"{place.host}:{place.port}",
        "connect_address": f"{place.host}:{place.port}",
        "data_dir": str(folder / "data"),
        "bin_dir": str(bindir),
        "pgpass": str(folder / "pgpass"),
        "authentication": {
            "superuser": {"username": SUPERUSER, "password": password},
            "replication": {"username": "replicator", "password": password},
        },
        "parameters": {"unix_socket_directories": ""},
        "pg_hba": [f"host {databases} all 127.0.0.0/8 scram-sha-256" for databases in ("all", "replication")],
        "basebackup": [{"checkpoint": "fast"}],  # or a new standby waits minutes for the next checkpoint
    }
    api = f"{place.host}:{place.api_port}"
    return json.dumps(
        {
            "scope": "medianest",
            "name": place.name,
            "restapi": {"listen": api, "connect_address": api},
            # Without use_proxies, Patroni would ask etcd for its address and bypass the wire.
            "etcd3": {"hosts": [f"{place.host}:{place.store_port}"], "use_proxies": True},
            "bootstrap": {"dcs": cluster, "initdb": [{"encoding": "UTF8"}, "data-checksums", *locale]},
            "postgresql": node,
        },
        indent=2,
    )


_TCP: Final = """
defaults
    mode tcp
    timeout connect 2s
    timeout client 30m
    timeout server 30m
"""
_BALANCED: Final = """
listen {role}
    bind {address}
    option httpchk OPTIONS /{check}
    http-check expect status 200
    timeout check 2s
    # The sessions of a node that has lost its role are ended: without this, clients go on writing to an old primary.
    default-server inter 500ms fall 2 rise 1 on-marked-down shutdown-sessions
"""


def haproxy(places: list[Place], primary: str, replica: str) -> str:
    """Return the configuration of the HAProxy that clients connect to.

    Args:
        places: The nodes.
        primary: The address that leads to the primary.
        replica: The address that leads to the standbys that lag by 16 MB at most.
    """
    text = f"global\n    maxconn 500\n{_TCP}"
    for role, check, address in (("primary", "primary", primary), ("replica", "replica?lag=16MB", replica)):
        text += _BALANCED.format(role=role, check=check, address=address)
        for place in places:
            text += f"    server {place.name} {place.host}:{place.port} check port {place.api_port}\n"
    return text


def wire(place: Place, store: str) -> str:
    """Return the configuration of the HAProxy between a node's Patroni and etcd, a wire that can be cut."""
    return f"{_TCP}\nlisten store\n    bind {place.host}:{place.store_port}\n    server etcd {store}\n"


def etcd(store: str, peers: str) -> list[str]:
    """Return the arguments of etcd: a single one; a real cluster has three."""
    return [
        "--name=store",
        "--data-dir=data",
        f"--listen-client-urls=http://{store}",
        f"--advertise-client-urls=http://{store}",
        f"--listen-peer-urls=http://{peers}",
        f"--initial-advertise-peer-urls=http://{peers}",
        f"--initial-cluster=store=http://{peers}",
    ]
