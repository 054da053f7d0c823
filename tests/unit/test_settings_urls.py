"""Database URLs: the accepted, the rejected and the masked parts."""

from __future__ import annotations

import ssl
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import example, given, settings, strategies as st
from pydantic import SecretStr, ValidationError

from medianest_models.errors import ConfigurationError
from medianest_models.settings import DatabaseUrl
from medianest_models.settings.urls import ServerRole

HERE: dict[str, Any] = {"host": "h", "port": 5432, "user": "u", "password": SecretStr("p"), "database": "db"}

GOOD: dict[str, dict[str, Any]] = {
    "postgresql://u:p@h:5432/db": {},
    "postgres://u:p@h/db": {},
    "asyncpg://u:p@h/db": {},
    "POSTGRESQL://u:p@h/db": {},
    "postgresql://u:p@h:5433/db": {"port": 5433},
    "postgresql://u@h/db": {"password": None},
    "postgresql://u:@h/db": {"password": None},
    "postgresql://h/db": {"user": None, "password": None},
    "postgresql://u:p@/db": {"host": "localhost"},
    "postgresql:///db": {"host": "localhost", "user": None, "password": None},
    "postgresql://u:p@127.0.0.1/db": {"host": "127.0.0.1"},
    "postgresql://u:p@[::1]/db": {"host": "::1"},
    "postgresql://u:p@[fe80::1%25eth0]:5433/db": {"host": "fe80::1%eth0", "port": 5433},
    "postgresql://my_db-1.example.org./db": {"host": "my_db-1.example.org.", "user": None, "password": None},
    "postgresql://u%40x:p%3A%2F%3F%23%40%25@h/d%20b": {
        "user": "u@x",
        "password": SecretStr("p:/?#@%"),
        "database": "d b",
    },
    "postgresql://u:p:p@h/db": {"password": SecretStr("p:p")},
    "postgresql://u:p@%2Frun%2Fx/db": {"host": "/run/x"},
    "postgresql://u:p@%2Frun%2Fx:5433/db": {"host": "/run/x", "port": 5433},
    "postgresql://u:p@/db?host=/run/x&port=5433": {"host": "/run/x", "port": 5433},
    "postgresql:///db?host=/run/x": {"host": "/run/x", "user": None, "password": None},
    "postgresql://u:p@localhost/db?host=/run/x": {"host": "/run/x"},  # how Prisma writes a socket
    "postgresql:///db?host=h": {"user": None, "password": None},
    "postgresql://u:p@h,[::1]:5433,%2Frun%2Fx/db": {"fallbacks": (("::1", 5433), ("/run/x", 5432))},
    "postgresql://u:p@/db?host=h,/run/a%2Cb&port=5433": {"port": 5433, "fallbacks": (("/run/a,b", 5433),)},
    "postgresql://u:p@/db?host=h,b&port=5433,1": {"port": 5433, "fallbacks": (("b", 1),)},
    "postgresql://u:p@h/db?": {},
    "postgresql://u:p@h/db?connection_limit=20&pool_timeout=30&schema=public": {
        "pool_max": 20,
        "pool_timeout": 30.0,
        "schema": "public",
    },
    "postgresql://u:p@h/db?pool_timeout=0&connect_timeout=2.5": {"pool_timeout": 0.0, "connect_timeout": 2.5},
    "postgresql://u:p@h/db?pgbouncer=true": {"pgbouncer": True},
    "postgresql://u:p@h/db?pgbouncer=false&schema=x": {"pgbouncer": False, "schema": "x"},
    "postgresql://u:p@h/db?statement_cache_size=0": {"statement_cache_size": 0},
    "postgresql://u:p@h/db?application_name=a%20b": {"application_name": "a b"},
    "postgresql://u:p@h/db?sslmode=require": {"sslmode": "require"},
    "postgresql://u:p@h/db?target_session_attrs=prefer-standby": {"target_session_attrs": "prefer-standby"},
}


@pytest.mark.parametrize("text", GOOD)
def test_reads_a_url(text: str) -> None:
    assert DatabaseUrl.parse(text) == DatabaseUrl(**(HERE | GOOD[text]))


ENCODE = (
    "in the user, the password and the database, characters with a meaning in URLs must be percent-encoded: "
    "@ is %40, / is %2F, ? is %3F, # is %23, % is %25"
)
KNOWN = (
    "known are application_name, connect_timeout, connection_limit, host, pgbouncer, pool_timeout, port, "
    "schema, sslcert, sslkey, sslmode, sslrootcert, statement_cache_size, target_session_attrs"
)
SPACE = "holds a space or a line break: remove it, or write it as %20"
PARTS = "the host and port are not whole: host, host:5432 or [IPv6 address]:5432"
PORT = "port must be a whole number from 1 to 65535"
NO_NAME = "has no database name: postgresql://user:password@host:5432/NAME"
NO_HOST = "the host is not a host name, an address or a folder that begins with /"
NO_IPV6 = "the address in brackets is not an IPv6 address"
POOLER_SCHEMA = (
    "schema can't be sent through PgBouncer: leave it out and set it on the server, with ALTER ROLE ... SET search_path"
)
SCHEMA = "schema must be a name of at most 63 letters, digits, _ and -"
BAD = {
    "": "must begin with postgresql://",
    "h:5432/db": "must begin with postgresql://",
    "postgresql:/u@h/db": "must begin with postgresql://",
    "mysql://u:p@h/db": "must begin with postgresql://, postgres:// or asyncpg://, not mysql://",
    "postgresql://": NO_NAME,
    "postgresql://u:p@h": NO_NAME,
    "postgresql://u:p@h:/db": PORT,
    "postgresql://u:p@h:0/db": PORT,
    "postgresql://u:p@h:65536/db": PORT,
    "postgresql://u:p@h:²/db": PORT,
    "postgresql://u:p/db": PORT,
    "postgresql:///db?port=x": PORT,
    "postgresql://u:p@h:1:2/db": PARTS,
    "postgresql://::1/db": PARTS,
    "postgresql://[::1/db": PARTS,
    "postgresql://[h]/db": NO_IPV6,
    "postgresql://[::g]/db": NO_IPV6,
    "postgresql://a%3A/db": "the address in brackets is not an IPv6 address",
    "postgresql://u:p@a,,b/db": NO_HOST,
    "postgresql://u:p@a,b:0/db": PORT,
    "postgresql://u:p@a,b/db?host=c": "host is given twice: before the database and as a parameter",
    "postgresql:///db?host=a,b&port=1,2,3": "port must be given once, or once for each host",
    "postgresql://u:p@a%20b/db": NO_HOST,
    f"postgresql://u:p@{'a' * 64}/db": NO_HOST,
    "postgresql://u:p@h/db?host=/run/x": "host is given twice: before the database and as a parameter",
    "postgresql://u:p@h:1/db?port=2": "port is given twice: before the database and as a parameter",
    " postgresql://u:p@h/db": SPACE,
    "postgresql://u:p@h/db\n": SPACE,
    "postgresql://u:p p@h/db": SPACE,
    "postgresql://u:p\x00p@h/db": SPACE,
    "postgresql://u:p@p@h/db": ENCODE,
    "postgresql://u:p/p@h/db": ENCODE,
    "postgresql://u:p?p@h/db": ENCODE,
    "postgresql://u:p#p@h/db": ENCODE,
    "postgresql://u:p%p@h/db": ENCODE,
    "postgresql://u:p@h/a/b": ENCODE,
    "postgresql://u:p@h/db#x": ENCODE,
    "postgresql://u:p%00p@h/db": "the password holds a NUL byte",
    "postgresql://u:p%ff@h/db": "the password is not UTF-8",
    "postgresql://u:p\udcff@h/db": "the password is not UTF-8",
    "postgresql://u:p@h/%00": "the database name holds a NUL byte",
    "postgresql://u:p@h/db?foo=1": f"unknown parameter foo; {KNOWN}",
    "postgresql://u:p@h/db?Schema=x": f"unknown parameter Schema; {KNOWN}",
    "postgresql://u:p@h/db?a;b=1": f"unknown parameter (with a name that is not a word); {KNOWN}",
    "postgresql://u:p@h/db?schema=a&schema=b": "schema is given twice",
    "postgresql://u:p@h/db?pgbouncer": "pgbouncer has no value",
    "postgresql://u:p@h/db?schema=": "schema has no value",
    "postgresql://u:p@h/db?connection_limit=0": "connection_limit must be a whole number from 1 to 1000",
    "postgresql://u:p@h/db?connection_limit=1001": "connection_limit must be a whole number from 1 to 1000",
    "postgresql://u:p@h/db?pool_timeout=-1": "pool_timeout must be a number of seconds, 0 for no limit",
    "postgresql://u:p@h/db?pool_timeout=nan": "pool_timeout must be a number of seconds, 0 for no limit",
    "postgresql://u:p@h/db?connect_timeout=0": "connect_timeout must be a number of seconds above 0",
    "postgresql://u:p@h/db?pgbouncer=yes": "pgbouncer must be one of true, false",
    "postgresql://u:p@h/db?sslmode=on": (
        "sslmode must be one of disable, allow, prefer, require, verify-ca, verify-full"
    ),
    "postgresql://u:p@h/db?target_session_attrs=master": (
        "target_session_attrs must be one of any, read-write, read-only, primary, standby, prefer-standby"
    ),
    "postgresql://u:p@h/db?schema=My%20Schema": SCHEMA,
    "postgresql://u:p@h/db?schema=a,b": SCHEMA,
    "postgresql://u:p@h/db?schema=a%22b": SCHEMA,
    "postgresql://u:p@h/db?schema=x&pgbouncer=true": POOLER_SCHEMA,
    "postgresql://u:p@h/db?sslmode=verify-full": (
        "sslmode=verify-full needs sslrootcert: a file of certificates, or system"
    ),
    "postgresql://u:p@h/db?sslmode=require&sslrootcert=system": ("sslrootcert=system needs sslmode=verify-full"),
    "postgresql://u:p@h/db?sslmode=require&sslkey=/k": "sslkey needs sslcert",
    "postgresql://u:p@h/db?sslcert=/c": ("sslrootcert and sslcert need sslmode=require, verify-ca or verify-full"),
    "postgresql://u:p@h/db?sslmode=verify-ca&sslrootcert=/none": (
        "sslrootcert, sslcert or sslkey can't be used (No such file or directory)"
    ),
}


@pytest.mark.parametrize("text", BAD)
def test_refuses_a_url_in_one_line_that_names_the_variable(text: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        DatabaseUrl.parse(text, variable="SOME_URL")
    assert str(raised.value) == f"SOME_URL: {BAD[text]}"


def test_the_pooler_can_be_known_from_elsewhere() -> None:
    assert DatabaseUrl.parse("postgresql://h/db", pgbouncer=True).pgbouncer
    assert not DatabaseUrl.parse("postgresql://h/db?pgbouncer=false", pgbouncer=True).pgbouncer
    with pytest.raises(ConfigurationError, match="schema can't be sent through PgBouncer"):
        DatabaseUrl.parse("postgresql://h/db?schema=x", pgbouncer=True)


odd_text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)
hosts = st.one_of(
    st.from_regex(r"[a-z][a-z0-9_-]{0,20}(\.[a-z]{1,9}){0,2}", fullmatch=True),
    st.ip_addresses().map(str),
    odd_text.map(lambda folder: f"/{folder}"),
)
ports = st.integers(1, 65535)
urls = st.builds(
    DatabaseUrl,
    host=hosts,
    port=ports,
    fallbacks=st.lists(st.tuples(hosts, ports), max_size=2).map(tuple),
    user=st.none() | odd_text,
    password=st.none() | odd_text.map(SecretStr),
    database=odd_text,
    schema=st.none() | st.from_regex(r"[a-zA-Z0-9_-]{1,63}", fullmatch=True),
    sslmode=st.sampled_from(["disable", "allow", "prefer", "require"]),
    pool_max=st.none() | st.integers(1, 1000),
    pool_timeout=st.none() | st.integers(0, 10**9 - 1).map(lambda ms: ms / 1000),
    connect_timeout=st.none() | st.integers(1, 10**9 - 1).map(lambda ms: ms / 1000),
    statement_cache_size=st.none() | st.integers(0, 1000),
    application_name=st.none() | odd_text,
    target_session_attrs=st.none() | st.sampled_from(get_args(ServerRole)),
)


@settings(deadline=None)  # a busy machine must not fail the test
@given(url=urls)
@example(url=DatabaseUrl(host="h", user="@:/?#[]% ", password=SecretStr("@:/?#[]%&=+ \n"), database="%41/@?#"))
def test_a_rendered_url_reads_as_itself(url: DatabaseUrl) -> None:
    assert DatabaseUrl.parse(url.render().get_secret_value()) == url


@settings(deadline=None)  # a busy machine must not fail the test
@given(
    before=st.text(max_size=5),
    inside=st.text("@:/?#[]%&= \n;,aé\udcff", max_size=8),
    after=st.text(max_size=5),
)
@example(before="u:", inside="/", after="@h/db")
@example(before="u:", inside="?x=", after="@h/db")
@example(before="u:p@", inside="?x=", after="@h/db")
def test_a_password_that_was_not_encoded_is_never_shown(before: str, inside: str, after: str) -> None:
    text = f"postgresql://{before}user:HUSH{inside}HUSH@h/db{after}"
    try:
        url = DatabaseUrl.parse(text)
    except ConfigurationError as error:
        shown = f"{error} {error.__context__}"
    else:
        shown = f"{url!r} {url} {url.masked}"
    assert "HUSH" not in shown
    assert "\n" not in shown


def test_is_masked() -> None:
    url = DatabaseUrl.parse("postgresql://u%0A:p@h:5432/db?application_name=x")
    assert url.masked == "postgresql://u%0A:***@h:5432/db"
    assert DatabaseUrl.parse("postgresql://u@h/db").masked == "postgresql://u@h:5432/db"
    socket = DatabaseUrl.parse("postgresql:///db?host=/run/x&port=1")
    assert socket.masked == "postgresql:///db?host=/run/x&port=1"


def test_another_database_of_the_same_server() -> None:
    url = DatabaseUrl.parse("postgresql://u:p@h/db?schema=x")
    assert replace(url, database="a/b").render().get_secret_value() == "postgresql://u:p@h:5432/a%2Fb?schema=x"


def test_libpq_gets_the_schema_as_search_path_and_no_parameter_it_does_not_know() -> None:
    url = DatabaseUrl.parse("postgresql://u:p@h/db?schema=x&connection_limit=3&pool_timeout=3&sslmode=require")
    assert url.for_libpq().get_secret_value() == (
        "postgresql://u:p@h:5432/db?sslmode=require&options=-csearch_path%3D%22x%22"
    )


def test_the_role_of_the_server() -> None:
    assert DatabaseUrl.parse("postgresql://h/db").server_role == "primary"
    assert DatabaseUrl.parse("postgresql://h,i/db").server_role == "read-write"
    assert DatabaseUrl.parse("postgresql://h,i/db?target_session_attrs=any").server_role == "any"


def test_libpq_is_told_the_role_where_there_are_several_hosts() -> None:
    url = DatabaseUrl.parse("postgresql://h,i/db")
    assert url.render().get_secret_value() == "postgresql://h:5432,i:5432/db"
    assert url.for_libpq().get_secret_value() == "postgresql://h:5432,i:5432/db?target_session_attrs=read-write"
    standby = DatabaseUrl.parse("postgresql://h,i/db?target_session_attrs=standby")
    assert standby.render() == standby.for_libpq()
    assert DatabaseUrl.parse("postgresql://h/db").for_libpq().get_secret_value() == "postgresql://h:5432/db"


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ("", "prefer"),
        ("?sslmode=allow", "allow"),
        ("?sslmode=disable", False),
        ("?sslmode=require", (ssl.CERT_NONE, False)),
        ("?sslmode=verify-full&sslrootcert=system", (ssl.CERT_REQUIRED, True)),
    ],
)
def test_tls(parameters: str, expected: object) -> None:
    made = DatabaseUrl.parse(f"postgresql://h/db{parameters}").ssl
    assert expected == ((made.verify_mode, made.check_hostname) if isinstance(made, ssl.SSLContext) else made)


def test_a_file_that_is_no_certificate(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("-----BEGIN hush")
    with pytest.raises(ConfigurationError, match=r"^DATABASE_URL: sslrootcert, sslcert or sslkey can't be used"):
        DatabaseUrl.parse(f"postgresql://h/db?sslmode=verify-ca&sslrootcert={tmp_path}/file")


def test_a_socket_has_no_tls_but_a_host_beside_it_has() -> None:
    assert DatabaseUrl.parse("postgresql:///db?host=/run/x&sslmode=require").ssl is False
    assert DatabaseUrl.parse("postgresql:///db?host=/run/x,h&sslmode=require").ssl


def test_a_url_that_is_made_is_checked_too() -> None:
    with pytest.raises(ValidationError) as raised:
        DatabaseUrl(host="a b", password=SecretStr("hush"), database="db")
    assert "hush" not in str(raised.value)
