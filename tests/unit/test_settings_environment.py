"""Settings from the environment: defaults, and one line for invalid values, without secrets."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

import medianest_models
from medianest_models.errors import ConfigurationError
from medianest_models.settings import DatabaseUrl, Settings, environment, load_settings

VARIABLES = [name.upper() for name in Settings.model_fields]


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def test_an_empty_variable_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = load_settings()
    for name in VARIABLES:
        monkeypatch.setenv(name, "")
    assert load_settings() == expected


def test_the_environment_is_read_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().log_level == "info"
    monkeypatch.setenv("LOG_LEVEL", " Debug ")
    monkeypatch.setenv("MEDIANEST_ENV", "Production")
    monkeypatch.setenv("DATABASE_PGBOUNCER", "1")
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:p@h/db?connection_limit=3")
    monkeypatch.setenv("DATABASE_DIRECT_URL", "postgresql://u:p@direct/db")
    monkeypatch.setenv("DATABASE_REPLICA_URL", "postgresql://u:p@a,b:5433/db?target_session_attrs=prefer-standby")
    monkeypatch.setenv("ENCRYPTION_KEYS", " new , old,")
    settings = load_settings()
    assert settings.log_level == "debug"
    assert settings.is_production
    assert [key.get_secret_value() for key in settings.encryption_keys] == ["new", "old"]
    assert settings.url() == DatabaseUrl(
        host="h", user="u", password=SecretStr("p"), database="db", pool_max=3, pgbouncer=True
    )
    assert settings.direct_url() == DatabaseUrl(host="direct", user="u", password=SecretStr("p"), database="db")
    assert settings.database_replica_url is not None
    assert settings.database_replica_url.places == (("a", 5432), ("b", 5433))
    assert not settings.database_replica_url.pgbouncer


def test_a_dotenv_file_is_not_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("LOG_LEVEL=debug\n")
    monkeypatch.chdir(tmp_path)
    assert load_settings().log_level == "info"


SECONDS = "must be a number of seconds from 0 (none) to 2147483"
CONNECT = "must be a number of seconds above 0, at most 2147483"
LEVEL = "must be one of debug, info, warning, error, critical"
BAD = [
    ("DATABASE_POOL_MAX", "x", 'must be a whole number from 1 to 1000, not "x"'),
    ("DATABASE_POOL_MAX", "0", 'must be a whole number from 1 to 1000, not "0"'),
    ("DATABASE_POOL_MAX", "1001", 'must be a whole number from 1 to 1000, not "1001"'),
    ("DATABASE_POOL_MIN", "-1", 'must be a whole number from 0 to 1000, not "-1"'),
    ("DATABASE_POOL_MIN", "21", "must not be more than DATABASE_POOL_MAX, but 21 is more than 20"),
    ("DATABASE_PGBOUNCER", "maybe", 'must be true or false, not "maybe"'),
    ("DATABASE_CONNECT_TIMEOUT", "0", f'{CONNECT}, not "0"'),
    ("DATABASE_CONNECT_TIMEOUT", "nan", f'{CONNECT}, not "nan"'),
    ("DATABASE_POOL_TIMEOUT", "-1", f'{SECONDS}, not "-1"'),
    ("DATABASE_COMMAND_TIMEOUT", "inf", f'{SECONDS}, not "inf"'),
    ("DATABASE_STATEMENT_TIMEOUT", "2147484", f'{SECONDS}, not "2147484"'),
    ("DATABASE_LOCK_TIMEOUT", "nan", f'{SECONDS}, not "nan"'),
    ("DATABASE_IDLE_IN_TRANSACTION_TIMEOUT", "30s", f'{SECONDS}, not "30s"'),
    ("SLOW_QUERY_MS", "-1", 'must be a number of milliseconds, 0 or more, not "-1"'),
    ("SLOW_QUERY_MS", "inf", 'must be a number of milliseconds, 0 or more, not "inf"'),
    ("LOG_LEVEL", "loud\nline", f'{LEVEL}, not "loud\\nline"'),
    ("LOG_LEVEL", "x" * 50, f'{LEVEL}, not "{"x" * 40}..."'),
    ("MEDIANEST_ENV", "prod", 'must be one of development, test, production, not "prod"'),
    (
        "DATABASE_URL",
        "postgresql://u:hush@h",
        "has no database name: postgresql://user:password@host:5432/NAME",
    ),
    (
        "DATABASE_REPLICA_URL",
        "postgresql://u:hush@h/db?target_session_attrs=primary",
        "must lead to standbys, but says target_session_attrs=primary",
    ),
    ("DATABASE_DIRECT_URL", "postgresql://u:hush@h:x/db", "port must be a whole number from 1 to 65535"),
    (
        "DATABASE_DIRECT_URL",
        "postgresql://u:hush@h/db?pgbouncer=true",
        "must lead past PgBouncer, but says pgbouncer=true",
    ),
    ("ADMIN_PASSWORD", "x" * 1025, "must be 1 to 1024 characters long"),
    ("ADMIN_PASSWORD", "\udcff", "is not valid Unicode"),
]


@pytest.mark.parametrize(("name", "value", "reason"), BAD)
def test_a_bad_value_is_one_line_that_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, reason: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError) as raised:
        load_settings()
    assert str(raised.value) == f"{name}: {reason}"
    assert raised.value.__context__ is None  # pydantic's error, which contains the values, was dropped


def test_several_problems_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_POOL_MAX", "x")
    monkeypatch.setenv("LOG_LEVEL", "loud")
    monkeypatch.setenv("DATABASE_URL", "mysql://u:hush@h/db")
    with pytest.raises(ConfigurationError) as raised:
        load_settings()
    assert str(raised.value) == (
        "DATABASE_URL: must begin with postgresql://, postgres:// or asyncpg://, not mysql://; "
        'DATABASE_POOL_MAX: must be a whole number from 1 to 1000, not "x"; '
        f'LOG_LEVEL: {LEVEL}, not "loud"'
    )


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_can_be_told_wrong_and_no_secret_is_shown(name: str) -> None:
    field = Settings.model_fields[name]
    secret = name.endswith("_url") or name in {"encryption_keys", "admin_password"}
    assert field.description, "the sentence in its error"
    with pytest.raises(ConfigurationError) as raised:
        Settings(**{name: object})
    assert str(raised.value).startswith(f"{name.upper()}: must be {field.description}")
    assert ("class" in str(raised.value)) is not secret


def test_an_unknown_setting() -> None:
    with pytest.raises(ConfigurationError, match=r"^NOPE: there is no such setting$"):
        Settings(nope=1)


def test_production_needs_a_url() -> None:
    settings = Settings(medianest_env="production")
    message = "DATABASE_URL: must be set when MEDIANEST_ENV=production, where no embedded server is started"
    for url in (settings.url, settings.direct_url):
        with pytest.raises(ConfigurationError) as raised:
            url()
        assert str(raised.value) == message


@pytest.mark.parametrize("name", ["DATABASE_DIRECT_URL", "DATABASE_REPLICA_URL"])
def test_another_url_alone_would_lead_to_another_database(name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^DATABASE_URL: must be set when {name} is$"):
        Settings(**{name.lower(): "postgresql://h/db"})


def test_home_is_in_the_checkout() -> None:
    checkout = Path(medianest_models.__file__).parents[1]
    assert load_settings().home == checkout / ".medianest"
    assert load_settings().key_file == checkout / ".medianest" / "encryption.key"


@pytest.fixture
def _installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(environment, "__file__", str(tmp_path / "site/medianest_models/settings/environment.py"))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(sys, "prefix", "/srv/portal/.venv")


@pytest.mark.usefixtures("_installed")
def test_home_of_a_wheel_is_in_the_users_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert load_settings().home.parent == tmp_path / ".local/share/medianest"
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    assert load_settings().home.parent == tmp_path / ".local/share/medianest"
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert load_settings().home.parent == tmp_path / "data/medianest"


@pytest.mark.usefixtures("_installed")
def test_every_environment_has_a_home_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    home = load_settings().home
    assert home.name.startswith("portal-")
    assert load_settings().home == home
    for other in ("/srv/portal/venv", "/home/ann/portal/.venv", "/usr"):
        monkeypatch.setattr(sys, "prefix", other)
        assert load_settings().home != home
    assert load_settings().home.name.startswith("usr-")


@pytest.mark.usefixtures("_installed")
@pytest.mark.parametrize("content", ["[project]\nname = 'another'\n", "half [", "\udcff"])
def test_anothers_project_file_is_no_checkout(tmp_path: Path, content: str) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site/pyproject.toml").write_text(content, errors="surrogateescape")
    assert load_settings().home.parent == tmp_path / ".local/share/medianest"


def test_home_can_be_given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for given, expected in (("relative", "relative"), ("~/home", "home"), (str(tmp_path / "x"), "x")):
        monkeypatch.setenv("MEDIANEST_HOME", given)
        assert load_settings().home == tmp_path / expected
    monkeypatch.setenv("MEDIANEST_HOME", "~no-such-user/x")
    with pytest.raises(ConfigurationError, match=r"^MEDIANEST_HOME: "):
        _ = load_settings().home
