"""TLS to several hosts: the certificate of each is verified for its own name."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from medianest_models.db.hosts import open_connection
from medianest_models.errors import DatabaseUnavailableError
from medianest_models.settings import DatabaseUrl
from tests.db.pools import PATIENCE
from tests.db.proxies import proxy_to

NAME = "localhost"
LONG = 600.0  # seconds, beyond the patience of a test


def write_certificate(folder: Path) -> tuple[Path, Path]:
    """Make a certificate for `NAME`, and return its file and that of its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / "server.crt", folder / "server.key"
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files


@asynccontextmanager
async def tls_in_front_of(url: DatabaseUrl, folder: Path) -> AsyncIterator[DatabaseUrl]:
    """Run what speaks TLS for a server on 127.0.0.1, and return the URL that trusts its certificate alone."""
    certificate, key = write_certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    async with proxy_to(url) as proxy:

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with suppress(OSError, asyncio.IncompleteReadError):
                await reader.readexactly(8)  # the request for TLS
                writer.write(b"S")
                await writer.start_tls(context)
                await proxy.serve(reader, writer)

        listener = await asyncio.start_server(accept, "127.0.0.1", 0)
        async with listener:
            port = listener.sockets[0].getsockname()[1]
            yield replace(url, host=NAME, port=port, sslmode="verify-full", sslrootcert=str(certificate))
            proxy.cut()


async def is_encrypted(url: DatabaseUrl) -> bool:
    """Connect, and return whether that is by TLS."""
    async with asyncio.timeout(PATIENCE):
        connection = await open_connection(url, seconds=LONG, wait=LONG)
    found = bool(connection._protocol.is_ssl)  # type: ignore[attr-defined]
    await connection.close()
    return found


async def test_the_certificate_of_each_host_is_verified_for_its_name(fresh_url: DatabaseUrl, tmp_path: Path) -> None:
    async with tls_in_front_of(fresh_url, tmp_path) as url:
        assert await is_encrypted(url)
        wrong = replace(url, host="127.0.0.1")
        with pytest.raises(DatabaseUnavailableError, match=r"TLS failed \(CERTIFICATE_VERIFY_FAILED\)"):
            await is_encrypted(wrong)  # at once: waiting does not mend it
        assert await is_encrypted(replace(wrong, fallbacks=url.places))


async def test_a_server_without_tls_is_refused_at_once(fresh_url: DatabaseUrl) -> None:
    async with proxy_to(fresh_url) as proxy:
        with pytest.raises(DatabaseUnavailableError, match="the server does not offer TLS"):
            await is_encrypted(replace(proxy.url, sslmode="require"))
