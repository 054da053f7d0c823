"""Mistakes of callers of the repositories and the schemas, with secrets as arguments."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from functools import partial
from typing import Any
from uuid import UUID

from pydantic import BaseModel, SecretStr, create_model

from medianest_models.db.statements import execute, fetch_one
from medianest_models.encryption.passwords import hashing_slot
from medianest_models.encryption.stored_secrets import hash_token
from medianest_models.enums import RequestStatus, UserStatus
from medianest_models.errors import OverloadedError
from medianest_models.models import MediaRequest, Service, User, YouTubeDownload
from medianest_models.models.base import Base
from medianest_models.pagination import paginate, paginate_by_cursor
from medianest_models.repositories import downloads, media_requests, rate_limits, services, sessions, users
from medianest_models.schemas import MediaRequestRead
from tests.leaks.canaries import Canaries, Kind, secret_value
from tests.leaks.failures import Failures, bad_secrets
from tests.leaks.failures_of_models import undone
from tests.leaks.rows import SECRET_MODELS, secret_fields, url_with_credentials
from tests.schemas.shapes import WRITTEN, model_of
from tests.schemas.typed_worker import RequestWithUser

_NOBODY = UUID(int=7)


async def accounts(failures: Failures, canaries: Canaries) -> list[object]:
    """Try passwords and tokens that are valid, wrong, replayed or expired.

    Returns:
        The results of the functions.
    """
    password, wrong, new = (canaries.new(f"the {which} password").text for which in ("changed", "wrong", "new"))
    first = canaries.new("the first admin's password").text
    await failures.expect("wrong user", partial(users.authenticate, "nobody", password=wrong))
    admin = await users.bootstrap_admin()
    assert admin is not None
    name = admin.plex_username
    await failures.expect("password not changed", partial(users.authenticate, name, password=first))
    await failures.expect("session before", partial(sessions.issue, admin.id))
    await users.change_password(name, password=first, new_password=password)
    await failures.expect("wrong password", partial(users.authenticate, name, password=wrong))
    for what, text in {"short": new[:11], "long": new * 90, "same": password}.items():
        await failures.catch(
            f"{what} password", partial(users.change_password, name, password=password, new_password=text)
        )
    signed_in = await users.authenticate(name, password=password)
    await users.change_password(name, password=password, new_password=new)
    await failures.expect("a session for the password before", partial(sessions.issue, signed_in))
    await failures.expect("a session for a pickle", partial(sessions.issue, pickle.loads(pickle.dumps(signed_in))))  # noqa: S301 - our own
    with ExitStack() as held:
        with suppress(OverloadedError):
            while True:
                held.enter_context(hashing_slot())
        await failures.expect("one password too many", partial(users.authenticate, name, password=new))
    stored = await fetch_one("SELECT password_hash FROM local_credentials WHERE username = $1", name)
    assert stored is not None
    canaries.new("the hash of a password", Kind.HASH, stored["password_hash"])
    await failures.expect("an unknown token", partial(sessions.verify, wrong))
    for what, bad in bad_secrets(wrong, canaries.new("the wrong password").number).items():
        for function in (sessions.verify, sessions.rotate, sessions.revoke):
            await failures.catch(f"{function.__name__} with {what}", partial(function, bad))
        await failures.catch(f"password of {what}", partial(users.authenticate, name, password=bad))
        change = partial(users.change_password, name, password=bad, new_password=bad)
        await failures.catch(f"new password of {what}", change)
    issued = await sessions.issue(admin.id)
    _adopt(canaries, "an issued token", issued.token)
    await sessions.verify(issued.token)
    rotated = await sessions.rotate(issued.token)
    assert rotated.token is not None
    _adopt(canaries, "a rotated token", rotated.token)
    await execute("UPDATE session_tokens SET rotated_at = now() - interval '1 day' WHERE id = $1", issued.session.id)
    await failures.expect("a token used twice", partial(sessions.rotate, issued.token))
    last = await sessions.issue(admin.id)
    _adopt(canaries, "a suspended user's token", last.token)
    await User.filter(id=admin.id).update(status=UserStatus.SUSPENDED)
    await failures.expect("a suspended user's session", partial(sessions.verify, last.token))
    await failures.expect("a suspended user's password", partial(users.authenticate, name, password=new))
    return [admin, signed_in, issued, rotated, last]


def _adopt(canaries: Canaries, name: str, token: SecretStr) -> None:
    canaries.new(name, Kind.SECRET, token.get_secret_value())
    canaries.new(f"the hash of {name}", Kind.HASH, str(hash_token(token.get_secret_value())))


async def repositories(failures: Failures, canaries: Canaries, rows: dict[type[Any], Any]) -> None:
    """Call functions with invalid arguments, or at the wrong time."""
    key, token = canaries.new("a key to be set").text, canaries.new("a token to be set").text
    user, url = rows[User], url_with_credentials(canaries)
    name = rows[Service].name
    sign_in = partial(users.upsert_from_plex, plex_username="ada", plex_token=token)
    await sign_in("given to a function")
    configure = partial(services.configure, name, api_key=key, url=url, config_data={"token": key})
    texts: dict[str, Any] = {"too long": "x" * 300, "empty": "", "NUL": "\0", "none": None}
    for what, text in texts.items():
        await failures.expect(f"plex_id {what}", partial(sign_in, text))
        await failures.expect(
            f"plex_username {what}", partial(users.upsert_from_plex, "1", plex_username=text, plex_token=token)
        )
        await failures.expect(f"display_name {what}", partial(configure, display_name=text))
    await configure()
    await failures.expect("no such service", partial(services.configure, "nothing", api_key=key, url=url))
    await failures.expect("a wrong URL", partial(services.configure, name, url=f"{url}\0"))
    for what, bad in bad_secrets(key, canaries.new("a key to be set").number).items():
        await failures.catch(f"api_key, {what}", partial(undone, partial(services.configure, name, api_key=bad)))
        await failures.catch(
            f"config_data, {what}", partial(undone, partial(services.configure, name, config_data=bad))
        )
        await failures.catch(
            f"plex_token, {what}", partial(users.upsert_from_plex, "bad", plex_username="x", plex_token=bad)
        )
    await failures.expect("no such user", partial(users.get, _NOBODY))
    await failures.expect("a reference to nobody", partial(rate_limits.hit, "x", user_id=_NOBODY))
    wish = partial(media_requests.submit, user.id, title="x", media_type="movie", tmdb_id="1")
    request = await wish()
    await failures.expect("the same request", wish)
    await failures.expect(
        "a wrong transition", partial(media_requests.transition, request.id, status=RequestStatus.AVAILABLE)
    )
    queue = partial(downloads.enqueue, user.id, playlist_url="https://youtube.com/playlist")
    download = await queue()
    await failures.expect("the same download", queue)
    await failures.expect("a lost lease", partial(downloads.heartbeat, download.id, worker_id="nobody"))
    await YouTubeDownload.filter(id=download.id).update(status="downloading", worker_id="w")
    await downloads.cancel(download.id)
    await failures.expect("a cancelled download", partial(downloads.heartbeat, download.id, worker_id="w"))


async def lists(failures: Failures, canaries: Canaries, rows: dict[type[Any], Any]) -> None:
    """Request impossible pages."""
    for model in SECRET_MODELS:
        await failures.expect(f"{model.__name__}, limit", partial(paginate, model.all(), limit=0))
        cursor = (await paginate_by_cursor(model.all(), limit=1)).next_cursor or "x"
        await failures.expect(
            f"{model.__name__}, cursor", partial(paginate_by_cursor, model.all(), cursor=cursor + "A")
        )
        await failures.expect(f"{model.__name__}, schema", partial(paginate, model.all(), schema=MediaRequestRead))
        await failures.expect(f"{model.__name__}, own schema", partial(paginate, model.all(), schema=_wrong(model)))
    partial_rows = MediaRequest.all().only("id")
    await failures.expect("a partial row", partial(paginate, partial_rows, schema=MediaRequestRead))


def _wrong(model: type[Any]) -> type[BaseModel]:
    """Return a caller's own schema, which declares the secrets as numbers."""
    names = {field.model_field_name: int for field in secret_fields(model)}
    made: Any = type("Wrong", (BaseModel,), {"__annotations__": names, "model_config": {"from_attributes": True}})
    return made  # type: ignore[no-any-return]


async def documents(failures: Failures, canaries: Canaries, states: dict[tuple[str, str], Base]) -> None:
    """Validate documents that schemas reject: with a secret in them, valid or not, and instances of other models."""
    for name, schema in WRITTEN.items():
        nested = create_model("Nested", given=list[schema])  # type: ignore[valid-type]
        await failures.expect(f"{name}, nothing of a document", _later(partial(schema.model_validate_json, "{")))
        for what, document in _documents(canaries, name):
            await failures.catch(f"{name}, {what}", _later(partial(schema.model_validate, document)))
            await failures.catch(
                f"{name}, {what}, nested", _later(partial(nested.model_validate, {"given": [document]}))
            )
            with suppress(TypeError):
                text = json.dumps(document)
                await failures.catch(f"{name}, {what}, as JSON", _later(partial(schema.model_validate_json, text)))
                await failures.expect(
                    f"{name}, {what}, cut off", _later(partial(schema.model_validate_json, text[:-1]))
                )
    for (model, state), instance in states.items():
        await failures.catch(
            f"{model}, {state}, of another schema", _later(partial(RequestWithUser.model_validate, instance))
        )
        wrong = partial(_wrong(type(instance)).model_validate, copy.copy(instance))  # which is looked at
        await failures.catch(f"{model}, {state}, of a wrong schema", _later(wrong))
        await failures.catch(f"{model}, {state}, pickled", _later(partial(pickle.dumps, instance)))


def _documents(canaries: Canaries, name: str) -> Iterator[tuple[str, Any]]:
    schema = WRITTEN[name]
    canary = canaries.new(f"in a document for {name}")
    secrets = [field for field in secret_fields(model_of(schema)) if field.model_field_name in schema.model_fields]
    good = {field.model_field_name: secret_value(field, canary) for field in secrets}
    if "url" in schema.model_fields:
        good["url"] = url_with_credentials(canaries)
    yield "a text", canary.text
    yield "a list", [canary.text]
    yield "an unknown field", {**good, "nope": canary.text}
    for key in schema.model_fields:
        for what, bad in bad_secrets(canary.text, canary.number).items():
            yield f"{key}, {what}", {**good, key: bad}


def _later(call: Any) -> Any:
    async def run() -> Any:
        return call()

    return run
