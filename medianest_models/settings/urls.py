"""A PostgreSQL URL, taken apart and checked."""

from __future__ import annotations

import getpass
from dataclasses import dataclass, replace
from ssl import CERT_NONE, PROTOCOL_TLS_CLIENT, SSLContext
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from pydantic import SecretStr

from medianest_models.errors import ConfigurationError
from medianest_models.settings.url_parts import (
    UrlProblem,
    check_host,
    decode,
    read_parameters,
    split_authority,
    split_url,
)

if TYPE_CHECKING:
    from typing import Self

_VERIFYING: Final = ("verify-ca", "verify-full")


@dataclass(frozen=True, kw_only=True)
class DatabaseUrl:
    """Where a PostgreSQL database is, and how to connect to it. Its `repr` does not show the password.

    Attributes:
        host: A name, an address, or a folder that begins with "/" (a Unix socket).
        port: The TCP port, or the number in the socket's name.
        user: None for the operating system's user.
        password: None for none; the environment and `.pgpass` are not asked.
        database: The database's name.
        schema: The only schema of the search path; None for the server's default.
        sslmode: One of PostgreSQL's words, from "disable" to "verify-full". Sockets never use TLS.
        sslrootcert: The file of trusted certificates, or "system".
        sslcert: The file of the client's certificate.
        sslkey: The file of the client's key.
        pool_max: The most connections a pool holds (Prisma's `connection_limit`).
        pool_timeout: Seconds to wait for a free connection of the pool; 0 for no limit.
        connect_timeout: Seconds to wait for the server when connecting.
        pgbouncer: Whether a pooler in transaction mode stands in between.
        statement_cache_size: How many prepared statements a connection keeps.
        application_name: What the server shows in `pg_stat_activity`.
    """

    host: str
    port: int = 5432
    user: str | None = None
    password: SecretStr | None = None
    database: str
    schema: str | None = None
    sslmode: str = "prefer"
    sslrootcert: str | None = None
    sslcert: str | None = None
    sslkey: str | None = None
    pool_max: int | None = None
    pool_timeout: float | None = None
    connect_timeout: float | None = None
    pgbouncer: bool = False
    statement_cache_size: int | None = None
    application_name: str | None = None

    @classmethod
    def parse(cls, text: str, *, variable: str = "DATABASE_URL", pgbouncer: bool = False) -> Self:
        """Take a URL apart.

        Args:
            text: `postgresql://`, `postgres://` or `asyncpg://`, with Prisma's parameters or libpq's.
            variable: What to call the URL in an error.
            pgbouncer: Whether there is a pooler in between when the URL does not say so itself.

        Raises:
            ConfigurationError: The URL is not whole, or holds what can't be used: one line that names
                `variable` and what was wrong, and never a value.
        """
        try:
            url = cls(**_read(text, pgbouncer=pgbouncer))
            url._check()
        except UrlProblem as problem:
            reason = str(problem)
        else:
            return url
        raise ConfigurationError(f"{variable}: {reason}")

    @property
    def is_socket(self) -> bool:
        """Whether the server is reached over a Unix socket."""
        return self.host.startswith("/")

    @property
    def masked(self) -> str:
        """The URL without its password and parameters, for messages and logs."""
        return self._render("***" if self.password else None, {})

    def with_database(self, name: str) -> Self:
        """Return the URL of another database of the same server."""
        return replace(self, database=name)

    def render(self) -> SecretStr:
        """Write the whole URL: `parse` makes an equal one of it."""
        return self._render_secret(
            {
                "schema": self.schema,
                "connection_limit": self.pool_max,
                "pool_timeout": self.pool_timeout,
                "connect_timeout": self.connect_timeout,
                "pgbouncer": "true" if self.pgbouncer else None,
                "statement_cache_size": self.statement_cache_size,
            }
        )

    def for_libpq(self) -> SecretStr:
        """Write the URL with only what libpq (so psql and pg_dump) and a bare asyncpg understand.

        The schema becomes the search path; Prisma's parameters for the pool are left out.
        """
        return self._render_secret({"options": f"-csearch_path={self.schema}" if self.schema else None})

    def connect_arguments(self) -> dict[str, Any]:
        """Return the keyword arguments for `asyncpg.connect` that lead to this server.

        Whatever asyncpg would otherwise take from libpq's variables (PGUSER, PGPASSWORD, PGSSLMODE, ...) or
        from `.pgpass` is given, so that a stray variable changes nothing; only the client's certificate of
        PGSSLCERT or `~/.postgresql` is still offered with sslmode=allow and prefer, where asyncpg makes the TLS
        context itself. The password is a function, so that the arguments can be logged.

        Raises:
            ConfigurationError: The URL has no user and the operating system's user has no name.
        """
        return {
            "host": self.host,
            "port": self.port,
            "user": self.user or _system_user(),
            "password": self.password.get_secret_value if self.password else "",
            "database": self.database,
            "ssl": self.ssl,
            "direct_tls": False,
            "target_session_attrs": "any",
        }

    @property
    def ssl(self) -> bool | str | SSLContext:
        """Make what asyncpg takes as `ssl`.

        Raises:
            OSError: A certificate or a key can't be read.
        """
        if self.is_socket or self.sslmode == "disable":
            return False
        if self.sslmode in {"allow", "prefer"}:
            return self.sslmode
        context = SSLContext(PROTOCOL_TLS_CLIENT)
        context.check_hostname = self.sslmode == "verify-full"
        if self.sslrootcert is None:
            context.verify_mode = CERT_NONE
        elif self.sslrootcert == "system":
            context.load_default_certs()
        else:
            context.load_verify_locations(cafile=self.sslrootcert)
        if self.sslcert is not None:
            context.load_cert_chain(self.sslcert, self.sslkey, password="")  # an empty one: never ask the terminal
        return context

    def _check(self) -> None:
        """Refuse what can't work together."""
        if self.pgbouncer and self.schema is not None:
            raise UrlProblem(
                "schema can't be sent through PgBouncer: leave it out and set it on the server, "
                "with ALTER ROLE ... SET search_path"
            )
        if self.sslmode in _VERIFYING and self.sslrootcert is None:
            raise UrlProblem(f"sslmode={self.sslmode} needs sslrootcert: a file of certificates, or system")
        if self.sslrootcert == "system" and self.sslmode != "verify-full":
            raise UrlProblem("sslrootcert=system needs sslmode=verify-full")
        if self.sslkey is not None and self.sslcert is None:
            raise UrlProblem("sslkey needs sslcert")
        if (self.sslrootcert or self.sslcert) and self.sslmode not in {"require", *_VERIFYING}:
            raise UrlProblem("sslrootcert and sslcert need sslmode=require, verify-ca or verify-full")
        try:
            _ = self.ssl
        except OSError as error:
            raise UrlProblem(
                f"sslrootcert, sslcert or sslkey can't be used ({error.strerror or type(error).__name__})"
            ) from None

    def _render_secret(self, parameters: dict[str, str | float | None]) -> SecretStr:
        common: dict[str, str | float | None] = {
            "sslmode": None if self.sslmode == "prefer" else self.sslmode,
            "sslrootcert": self.sslrootcert,
            "sslcert": self.sslcert,
            "sslkey": self.sslkey,
            "application_name": self.application_name,
        }
        password = quote(self.password.get_secret_value(), safe="") if self.password else None
        return SecretStr(self._render(password, common | parameters))

    def _render(self, password: str | None, parameters: dict[str, str | float | None]) -> str:
        user_info = quote(self.user or "", safe="") + (f":{password}" if password else "")
        at = "@" if user_info else ""
        if self.is_socket:
            parameters = {"host": self.host, "port": self.port, **parameters}
            place = ""
        else:
            place = f"[{quote(self.host, safe=':')}]" if ":" in self.host else quote(self.host, safe="")
            place += f":{self.port}"
        query = "&".join(f"{k}={quote(f'{v}', safe='/')}" for k, v in parameters.items() if v is not None)
        return f"postgresql://{user_info}{at}{place}/{quote(self.database, safe='')}" + (f"?{query}" if query else "")


def _system_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        raise ConfigurationError("DATABASE_URL: needs a user name, as in postgresql://USER@...") from None


def _read(text: str, *, pgbouncer: bool) -> dict[str, Any]:
    """Parse the fields of a DatabaseUrl."""
    authority, database, query = split_url(text)
    user, password, host, port = split_authority(authority)
    fields = read_parameters(query)
    for name, value in (("host", host), ("port", port)):
        if value is not None and name in fields and not (name == "host" and value == "localhost"):
            raise UrlProblem(f"{name} is given twice: before the database and as a parameter")
        if value is not None:
            fields.setdefault(name, value)
    fields.setdefault("host", "localhost")
    fields.setdefault("pgbouncer", pgbouncer)
    check_host(fields["host"])
    name = decode(database, "database name")
    if not name:
        raise UrlProblem("has no database name: postgresql://user:password@host:5432/NAME")
    return fields | {
        "user": decode(user, "user") or None,
        "password": SecretStr(secret) if (secret := decode(password, "password")) else None,
        "database": name,
    }
