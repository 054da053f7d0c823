"""An import whose source holds canaries as secrets: it fails at its own check, and then a command can run it."""

from __future__ import annotations

from functools import partial

import pytest
from pydantic import SecretStr

from medianest_models.db.statements import execute
from medianest_models.importing import import_prisma
from medianest_models.settings import DatabaseUrl
from tests.importing.sources import make_source
from tests.leaks.canaries import Canaries
from tests.leaks.failures import Failures


async def importing(failures: Failures, canaries: Canaries, url: DatabaseUrl, patch: pytest.MonkeyPatch) -> object:
    """Return the report of a rehearsed import; afterwards the environment has the source and its key."""
    token, key, password = (canaries.new(f"the source's {name}").text for name in ("token", "API key", "password"))
    source = await make_source(
        url,
        "u",
        f"INSERT INTO users (id, email, plex_token) VALUES ('a', 'a', '{token}')",
        f"""INSERT INTO service_config (service_name, service_url, api_key, config_data)
            VALUES ('imported', 'http://a', '{key}', '{{"password": "{password}"}}')""",
    )
    old_key = SecretStr(canaries.new("the source's encryption key").text)
    patch.setenv("SOURCE_DATABASE_URL", source.render().get_secret_value())
    patch.setenv("SOURCE_ENCRYPTION_KEY", old_key.get_secret_value())
    await execute(
        "CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN NEW.api_key := reverse(NEW.api_key); RETURN NEW; END'"
    )
    await execute("CREATE TRIGGER spoil BEFORE INSERT ON services FOR EACH ROW EXECUTE FUNCTION spoil()")
    await failures.expect("importing what is spoilt", partial(import_prisma, source, key=old_key))
    await execute("DROP FUNCTION spoil CASCADE")
    return await import_prisma(source, key=old_key, dry_run=True)
