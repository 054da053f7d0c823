"""A PostgreSQL URL: its parts, checked, and what they become for asyncpg and libpq."""

from __future__ import annotations

import getpass
import ipaddress
import re
from ssl import CERT_NONE, PROTOCOL_TLS_CLIENT, SSLContext
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import quote

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic.dataclasses import dataclass
from pydantic.fields import FieldInfo

from medianest_models.errors import ConfigurationError, replace_errors
from medianest_models.settings.url_text import NO_IPV6, split_url

_A_HOST: Final = "a host name, an address or a folder that begins with /"
_FOR_LIBPQ: Final = {"application_name", "sslcert", "sslkey", "sslmode", "sslrootcert", "target_session_attrs"}

ServerRole = Literal["any", "read-write", "read-only", "primary", "standby", "prefer-standby"]


def _check_host(host: str) -> str:
    """Refuse what is no host name, address or folder."""
    problem = ValueError(NO_IPV6 if ":" in host else f"the host is not {_A_HOST}")
    with replace_errors(ValueError, lambda _: problem):  # Python's own quotes the host
        if host.startswith("/"):
            return host
        if ":" in host:
            ipaddress.IPv6Address(host)
        elif not re.fullmatch(r"[\w.-]+", host) or not host.encode("idna"):
            raise problem
    return host


_Host = Annotated[str, AfterValidator(_check_host)]
_Port = Annotated[int, Field(ge=1, le=65535)]
_Flag = Annotated[bool, BeforeValidator(lambda given: given == "true" if given in ("true", "false") else given)]


@dataclass(frozen=True, kw_only=True, config=ConfigDict(hide_input_in_errors=True, validate_by_name=True))
class DatabaseUrl:
    """The address of a PostgreSQL database, and the options for connecting. Its `repr` does not show the password.

    What has a description is a parameter of the URL too; the description completes "must be ..." in its error.

    Attributes:
        host: A folder is that of a Unix socket, whose name ends with the port.
        fallbacks: Further hosts with their ports, each asked when those before it do not answer.
        user: None for the operating system's user.
        password: None for none; the environment and `.pgpass` are not used.
        schema: The only schema of the search path; None for the server's default.
        sslmode: Sockets never use TLS.
        pool_max: The most connections a pool holds (Prisma's `connection_limit`).
        pool_timeout: How long to wait for a free connection of the pool.
        connect_timeout: How long to wait for the server when connecting.
        pgbouncer: Whether it is the URL of a pooler in transaction mode.
        application_name: The name shown in `pg_stat_activity`.
        target_session_attrs: The role of the server to connect to, by libpq's names; None for `read-write` with several
            hosts and `primary` with one.
    """

    host: _Host = Field(default="localhost", description=_A_HOST)
    port: _Port = Field(default=5432, description="a whole number from 1 to 65535")
    fallbacks: tuple[tuple[_Host, _Port], ...] = ()
    user: str | None = None
    password: SecretStr | None = None
    database: str
    schema: str | None = Field(
        default=None, pattern="^[a-zA-Z0-9_-]{1,63}$", description="a name of at most 63 letters, digits, _ and -"
    )
    sslmode: Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] = Field(
        default="prefer", description="one of disable, allow, prefer, require, verify-ca, verify-full"
    )
    sslrootcert: str | None = Field(default=None, description="a file of trusted certificates, or system")
    sslcert: str | None = Field(default=None, description="the file of the client's certificate")
    sslkey: str | None = Field(default=None, description="the file of the client's key")
    pool_max: int | None = Field(
        default=None, ge=1, le=1000, validation_alias="connection_limit", description="a whole number from 1 to 1000"
    )
    pool_timeout: float | None = Field(default=None, ge=0, le=10**6, description="a number of seconds, 0 for no limit")
    connect_timeout: float | None = Field(default=None, ge=0.001, le=10**6, description="a number of seconds above 0")
    pgbouncer: _Flag = Field(default=False, strict=True, description="one of true, false")
    statement_cache_size: int | None = Field(
        default=None, ge=0, le=100_000, description="a whole number from 0 to 100000"
    )
    application_name: str | None = Field(default=None, description="a text")
    target_session_attrs: ServerRole | None = Field(
        default=None, description="one of any, read-write, read-only, primary, standby, prefer-standby"
    )

    @classmethod
    def parse(cls, text: str, *, variable: str = "DATABASE_URL", pgbouncer: bool = False) -> Self:
        """Parse a URL.

        Args:
            text: `postgresql://`, `postgres://` or `asyncpg://`, with Prisma's parameters or libpq's.
            variable: The name of the URL in an error.
            pgbouncer: The default for the field, if the URL has no such parameter.

        Raises:
            ConfigurationError: One line that names `variable` and what of it can't be used, and never a value.
        """
        with replace_errors(ValueError, lambda error: ConfigurationError(f"{variable}: {_reason(error)}")):
            fields: dict[str, Any] = {"pgbouncer": pgbouncer, **split_url(text, _PARAMETERS)}
            return cls(**fields)

    @model_validator(mode="after")
    def _check(self) -> Self:
        """Raise an error for values that exclude each other."""
        verifies = self.sslmode.startswith("verify-")
        if self.pgbouncer and self.schema:
            raise ValueError(
                "schema can't be sent through PgBouncer: leave it out and set it on the server, "
                "with ALTER ROLE ... SET search_path"
            )
        if verifies and not self.sslrootcert:
            raise ValueError(f"sslmode={self.sslmode} needs sslrootcert: a file of certificates, or system")
        if self.sslrootcert == "system" and self.sslmode != "verify-full":
            raise ValueError("sslrootcert=system needs sslmode=verify-full")
        if self.sslkey and not self.sslcert:
            raise ValueError("sslkey needs sslcert")
        if (self.sslrootcert or self.sslcert) and not verifies and self.sslmode != "require":
            raise ValueError("sslrootcert and sslcert need sslmode=require, verify-ca or verify-full")
        try:
            _ = self.ssl
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise ValueError(f"sslrootcert, sslcert or sslkey can't be used ({reason})") from None
        return self

    @property
    def places(self) -> tuple[tuple[str, int], ...]:
        """The hosts and their ports, in the order in which they are asked."""
        return ((self.host, self.port), *self.fallbacks)

    @property
    def server_role(self) -> ServerRole:
        """The role that a server must have for a connection."""
        return self.target_session_attrs or ("read-write" if self.fallbacks else "primary")

    @property
    def masked(self) -> str:
        """The URL without its password and parameters, for messages and logs."""
        return self._render({}, masked=True)

    @property
    def search_path(self) -> str | None:
        """The search path of a session: the schema, quoted, because its letters may be capital."""
        return self.schema and f'"{self.schema}"'

    def render(self) -> SecretStr:
        """Return the complete URL; `parse` converts it back."""
        return SecretStr(self._render(self._parameters()))

    def for_libpq(self) -> SecretStr:
        """Return the URL with only the parts that libpq (psql and pg_dump) and plain asyncpg support.

        They would use the first of several hosts that answers, so the URL names the role that it must have.
        """
        parameters = {name: value for name, value in self._parameters().items() if name in _FOR_LIBPQ}
        if self.fallbacks:
            parameters["target_session_attrs"] = self.server_role
        if self.search_path:
            parameters["options"] = f"-csearch_path={self.search_path}"
        return SecretStr(self._render(parameters))

    def connect_arguments(self) -> dict[str, Any]:
        """Return the keyword arguments of `asyncpg.connect` for the first host.

        A stray variable of libpq's or a `.pgpass` changes nothing; only the client's certificate of PGSSLCERT or
        `~/.postgresql` is still offered with sslmode=allow and prefer, where asyncpg makes the TLS context itself. The
        password is a function, so that the arguments can be logged.

        Raises:
            ConfigurationError: The URL has no user and the operating system's user has no name.
        """
        try:
            user = self.user or getpass.getuser()
        except (KeyError, OSError):
            raise ConfigurationError("DATABASE_URL: needs a user name, as in postgresql://USER@...") from None
        return {
            "host": self.host,
            "port": self.port,
            "user": user,
            "password": self.password.get_secret_value if self.password else "",
            "database": self.database,
            "ssl": self.ssl,
            "direct_tls": False,
            "target_session_attrs": "any",
        }

    @property
    def ssl(self) -> bool | str | SSLContext:
        """Make what asyncpg takes as `ssl`, or raise the OSError of a certificate or a key that can't be read."""
        if self.sslmode == "disable" or all(host.startswith("/") for host, _ in self.places):
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
            context.load_cert_chain(self.sslcert, self.sslkey, password="")  # not None: never prompt in the terminal
        return context

    def _parameters(self) -> dict[str, Any]:
        """Collect the parameters that are not as they are by default; `_render` writes the hosts."""
        values = {**vars(self), "connection_limit": self.pool_max}
        fields = {name: field for name, field in _PARAMETERS.items() if name not in {"host", "port"}}
        return {name: values[name] for name, field in fields.items() if values[name] != field.default}

    def _render(self, parameters: dict[str, Any], *, masked: bool = False) -> str:
        password = quote(self.password.get_secret_value(), safe="") if self.password else ""
        user_info = quote(self.user or "", safe="") + (f":{'***' if masked else password}" if password else "")
        query = [f"{k}={'true' if v is True else quote(f'{v}', safe='/')}" for k, v in parameters.items()]
        quoted = [(quote(host, safe=":"), port) for host, port in self.places]
        places = ",".join(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in quoted)
        if any(host.startswith("/") for host, _ in self.places):
            hosts, ports = zip(*self.places, strict=True)
            query = [f"host={','.join(map(quote, hosts))}", f"port={','.join(map(str, ports))}", *query]
            places = ""
        url = f"postgresql://{user_info}{'@' if user_info else ''}{places}/{quote(self.database, safe='')}"
        return "?".join(filter(None, (url, "&".join(query))))


_PARAMETERS: Final[dict[str, FieldInfo]] = {
    str(field.validation_alias or name): field
    for name, field in vars(DatabaseUrl)["__pydantic_fields__"].items()
    if field.description
}


def _reason(error: ValueError) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    problem: Any = error.errors(include_url=False)[0]
    if problem["type"] == "value_error":
        return str(problem["ctx"]["error"])
    name = "port" if problem["loc"][0] == "fallbacks" else str(problem["loc"][0])
    return f"{name} must be {_PARAMETERS[name].description}"
