"""Secrets in texts: none is shown, and all are found quickly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import example, given, settings, strategies as st

from medianest_models.db.query_log import redact, redact_sql
from medianest_models.masking import LONGEST, MASK, holds_secret, mask_credentials, names_secret
from medianest_models.models import Service
from tests.growth import assert_linear, assert_no_slower, repeated

NAMES = [
    *("password", "Password", "plexPassword", "pass_word", "PASSWORD_HASH", "passwd", "db_passwd", "passphrase"),
    *("pass", "userPass", "SMTP_PASS", "PlexPW", "pw", "pw2", "db-pw", "pwd"),
    *("token", "tokens", "plex_token", "XPlexToken", "X-Plex-Token", "secret", "clientSecret", "client_secret"),
    *("api_key", "apiKey", "API-KEY", "apikey", "x.api.key", "access_key", "AccessKeyId", "credential", "credentials"),
    *("auth", "basicAuth", "x-auth", "HTTPAuth", "Authorization"),
    *("jwt", "id_jwt", "bearer", "bearerValue", "private_key", "privateKey", "sshPrivateKey"),
]
IN_URLS = [*NAMES, "key", "KEY", "sig", "sid", "signature", "X-Amz-Signature"]
OTHERS = [
    *("host", "url", "key", "api", "user", "word", "tok", "", "é", "access", "success_keys", "keyword"),
    *("author", "authors", "coAuthor", "authorised", "authentic"),
    *("sig", "sid", "side", "signature", "session", "private", "keys"),
    *("bypass", "compass", "passenger", "passive", "trespass", "byPassing", "pawn", "PWA", "power"),
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_of_a_secret(name: str) -> None:
    assert names_secret(name)


@pytest.mark.parametrize("name", OTHERS)
def test_another_name(name: str) -> None:
    assert not names_secret(name)


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("", ""),
        ("http://plex:32400/web", "http://plex:32400/web"),
        ("http://[::1]:32400/a@b?c=d@e#f@g", "http://[::1]:32400/a@b?c=d@e#f@g"),
        ("http://user:pa55@plex:32400/a?b=c", "http://**********@plex:32400/a?b=c"),
        ("http://pa55@plex", "http://**********@plex"),
        ("HTTP://user:p@a5@plex/", "HTTP://**********@plex/"),
        ("//user:pa55@plex", "//**********@plex"),
        ("user:pa55@plex:1", "**********@plex:1"),
        ("plex:32400", "plex:32400"),
        ("http://plex/?X-Plex-Token=pa55&a=b", "http://plex/?X-Plex-Token=**********&a=b"),
        ("http://plex/?a=b&api%5Fkey=pa55;PASSWORD=pa55", "http://plex/?a=b&api%5Fkey=**********;PASSWORD=**********"),
        ("http://plex/#access_token=pa55", "http://plex/#access_token=**********"),
        ("http://plex/?token=", "http://plex/?token="),
        # not well formed: a password that was not percent-encoded
        ("http://user:pa/55@plex/a", "http://**********@plex/a"),
        ("http://user:pa?55@plex/a", "http://**********@plex/a"),
        ("http://user:#pa@55@plex/a", "http://**********@plex/a"),
        ("user:pa\n55@plex", "**********@plex"),
        ("http:///u:pa55@plex/a", "http:///**********@plex/a"),
        ("///u:pa55@plex", "///**********@plex"),
        ("/u:pa55@plex", "/**********@plex"),
        (r"http:\\u:pa55@plex", r"http:\\**********@plex"),
        ("http://u:12/pa@plex/", "http://**********@plex/"),
        ("u://12/pa55@plex/", "u://**********@plex/"),
        ("http://u:pa@55/pa@plex/", "http://**********@plex/"),
        ("http://plex/?x=1?token=pa55", "http://plex/?x=1?token=**********"),
        ("http://plex/token=pa55/a", "http://plex/token=**********"),
        ("http://plex/?token=pa&55#pa&b=c", "http://plex/?token=**********&b=c"),
        ("http://plex/?%70%77=pa55&p%61ss=pa55", "http://plex/?%70%77=**********&p%61ss=**********"),
        ("http://plex/?t%256fken=pa55", "http://plex/?t%256fken=**********"),
        ("http://plex/?a=b=token=pa55", "http://plex/?a=b=token=**********"),
        ("http://plex:1/?token=pa@55", "http://**********"),  # the end of the password is unknown
        ("http://u:pa?token=55@plex/", "http://**********"),
        ("http://plex/@a", "http://plex/@a"),
        ("https://plex/a?author=b&bypass=c", "https://plex/a?author=b&bypass=c"),
        ("http://plex:1/@a", "http://**********@a"),
        ("https://plex/a?keyword=b&sort_key=c&side=d&design=e", "https://plex/a?keyword=b&sort_key=c&side=d&design=e"),
        ("http://plex/" + "a" * LONGEST, MASK),
    ],
)
def test_what_is_shown_of_a_url(url: str, masked: str) -> None:
    assert Service(url=url).masked_url == mask_credentials(url) == masked
    assert "pa55" not in redact(url)


def test_no_url_is_shown_as_none() -> None:
    assert Service(url=None).masked_url is None


@pytest.mark.parametrize(
    "text", ["ada@example.org", "AC/DC, live @ Wembley", "12:30", "https://plex/@a", '{"author": "a:b"}', "a 'pass'"]
)
def test_other_texts_are_shown(text: str) -> None:
    assert not holds_secret(text)


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO users (plex_id, plex_token) VALUES ('1', 'hunter2')",
        "INSERT INTO users (plex_token) SELECT E'it\\'s hunter2'",
        "SELECT 1 FROM session_tokens WHERE token_hash IN ('a', 'hunter2')",
        "SELECT 1 FROM users WHERE 'hunter2' = plex_token",
        "ALTER ROLE guest PASSWORD $$hunter2$$",
        "ALTER ROLE guest PASSWORD $pw$hunter2$pw$",
        'UPDATE services SET config_data = \'{"token": "hunter2"}\'',
        "UPDATE services SET url = 'https://plex.local/?X-Plex-Token=hunter2'",
        "UPDATE users SET plex_token = 'not ended hunter2",
        "UPDATE users SET plex_token = '" + "x" * 9_000 + "hunter2" + "x" * 9_000 + "'",
    ],
)
def test_a_secret_in_a_statement_is_not_shown(sql: str) -> None:
    assert "hunter2" not in redact_sql(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 'token' FROM users WHERE role = 'admin'",
        "SELECT '{\"page\": 1}'::jsonb, 'https://plex.local/?page=1', 'a@b.c'",
        "SELECT $1, $2 FROM t WHERE a = $3",
    ],
)
def test_other_statements_are_shown(sql: str) -> None:
    assert redact_sql(sql) == sql


# Passwords that were not percent-encoded, at each place.

passwords = st.builds(
    lambda inside: f"HUSH{inside}HUSH", st.text("@:/\\?#[]%= \n.,aé0123", max_size=12).map(str) | st.text(max_size=6)
)
beginnings = st.text("0123/@?#:\\", max_size=4)
before_url = st.sampled_from(["http://", "https:///", "HTTP://", "redis://", "//", "///", "/", "", "http:\\\\"])


@settings(deadline=None, max_examples=400)
@given(scheme=before_url, user=st.sampled_from(["", "u", "ann.b", "%40"]), beginning=beginnings, password=passwords)
@example(scheme="", user="u", beginning="//12/", password="HUSHHUSH")
@example(scheme="http://", user="", beginning="", password="HUSH//HUSH")
def test_no_password_before_a_host_is_shown(scheme: str, user: str, beginning: str, password: str) -> None:
    url = f"{scheme}{user}:{beginning}{password}@plex:32400/web?a=b"
    assert_hidden(url)
    assert mask_credentials(mask_credentials(url)) == mask_credentials(url)


@settings(deadline=None, max_examples=400)
@given(
    url=st.sampled_from(["http://plex/", "http://plex:1/?a=b", "plex", "/", "http://u:p@plex/a#b", "?x=1"]),
    between=st.sampled_from("?&;#"),
    name=st.sampled_from(IN_URLS),
    encoded=st.integers(0, 2),
    password=st.builds(str.__add__, st.text("0123/@?:=\\", max_size=4), passwords),
)
def test_no_password_in_a_parameter_is_shown(url: str, between: str, name: str, encoded: int, password: str) -> None:
    name = "".join(f"%{byte:02X}" for byte in name.encode()) if encoded else quote(name)
    name = quote(name) if encoded == 2 else name
    password = password.replace("&", "%26").replace(";", "%3B").replace("#", "%23")
    assert_hidden(f"{url}{between}{name}={password}&a=b")


def assert_hidden(url: str) -> None:
    shown: list[Any] = [mask_credentials(url), redact(url), redact([{"url": url}]), redact_sql(f"SELECT $a${url}$a$")]
    assert "HUSH" not in "".join(shown)


# Time.

UNITS = ["?", "&", "=", "a=", "&a=", "?&", "@", ":", "/", "\\", "//", "//@", "a", "A", "Aa", "%", "[", "'", '"', '":']
UNITS += ["'a':", '" ', "''", "\\'", "$", "$$", "$a$", "e'", "pass=", "token", "é", "\n", '"password":', "&pw=x", "aA"]
READERS: list[Callable[[str], Any]] = [mask_credentials, holds_secret, names_secret, redact, redact_sql]


@pytest.mark.parametrize("reader", READERS)
def test_the_time_grows_with_the_length(reader: Callable[[str], Any]) -> None:
    for unit in UNITS:
        is_worst = reader is names_secret and unit in {"A", "Aa", "=", "é"}
        assert_linear(reader, repeated(unit), 1_000_000 if is_worst else LONGEST)
        assert_linear(reader, repeated(unit, "http://a:", "@b?token=c"), LONGEST - 20)


@pytest.mark.parametrize("reader", [mask_credentials, holds_secret, redact, redact_sql])
def test_a_text_of_any_length_takes_no_longer_than_one_of_some_thousand_characters(
    reader: Callable[[str], Any],
) -> None:
    for unit in UNITS:
        assert_no_slower(reader, unit * 1_000_000, than=unit * LONGEST)


def test_quadratic_time_is_noticed() -> None:
    with pytest.raises(AssertionError, match="for 2000 characters"):
        assert_linear(lambda text: sum(1 for _ in text for _ in text), repeated("a"), 2000)
