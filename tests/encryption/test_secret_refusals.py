"""Every use of a secret column that could show it, let it be guessed or write it unencrypted raises an error."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from tortoise.expressions import Case, F, Q, Subquery, When
from tortoise.functions import Coalesce, Concat, Count, Lower, Max
from tortoise.queryset import QuerySet

from medianest_models.errors import InvalidInputError, SecretFieldError
from medianest_models.models import LocalCredential, MediaRequest, Service, SessionToken, User
from medianest_models.testing import a_local_credential, a_media_request, a_service, a_session_token, a_user

pytestmark = pytest.mark.usefixtures("db")

SECRETS: list[tuple[Any, str]] = [
    (User, "plex_token"),
    (Service, "api_key"),
    (Service, "config_data"),
    (SessionToken, "token_hash"),
    (LocalCredential, "password_hash"),
]
PATHS: list[tuple[Any, str]] = [
    *SECRETS,
    (MediaRequest, "user__plex_token"),
    (SessionToken, "user__plex_token"),
    (User, "session_tokens__token_hash"),
    (User, "local_credential__password_hash"),
    (MediaRequest, "user__session_tokens__token_hash"),
]
PLAIN = {User: "email", Service: "url", SessionToken: "user_agent", LocalCredential: "username", MediaRequest: "title"}

LOOKUPS = sorted(
    {
        name.removeprefix("plex_token").removeprefix("__")
        for name in User._meta._filters
        if name.startswith("plex_token")
    }
)


@pytest.fixture(autouse=True)
async def rows(db: object) -> None:
    user = await a_user(plex_username="Anna", plex_token="canary", email="anna@example.org")
    await a_session_token(user=user)
    await a_local_credential(user=user)
    await a_media_request(user=user)
    await a_service(api_key="canary", config_data={"password": "canary"})


async def run(use: Callable[[], Any]) -> Any:
    made = use()
    return await made if inspect.isawaitable(made) else made


async def refused(use: Callable[[], Any], name: str) -> None:
    """Check that the use raises an error that names the column, without running a statement."""
    with pytest.raises(SecretFieldError, match=rf"^\w+\.{name.rsplit('__', 1)[-1]} is secret: ") as raised:
        await run(use)
    assert "canary" not in str(raised.value)


def test_there_are_lookups() -> None:
    assert {"", "in", "isnull", "not", "startswith", "contains", "gt", "icontains"} <= set(LOOKUPS)


@pytest.mark.parametrize(("model", "name"), PATHS)
async def test_filters(model: Any, name: str) -> None:
    for lookup in LOOKUPS:
        for value in ("v1", None, ["v1"], F(PLAIN[model]), F(name), ("a", "b")):
            condition: Any = {f"{name}__{lookup}" if lookup else name: value}
            for use in (
                lambda condition=condition: model.filter(**condition),
                lambda condition=condition: model.exclude(**condition),
                lambda condition=condition: model.filter(Q(**{PLAIN[model]: "x"}) | ~Q(Q(**condition))),
            ):
                await refused(use, name)


USES: dict[str, Callable[[Any, str, str], Any]] = {
    "get": lambda model, name, _: model.get(**{name: "v1"}),
    "get_or_none": lambda model, name, _: model.get_or_none(**{name: "v1"}),
    "exists": lambda model, name, _: model.exists(**{name: "v1"}),
    "count": lambda model, name, _: model.filter(**{f"{name}__startswith": "v1"}).count(),
    "delete": lambda model, name, _: model.filter(**{f"{name}__startswith": "v1"}).delete(),
    "update, filtered": lambda model, name, plain: model.filter(**{f"{name}__gt": "v1"}).update(**{plain: "x"}),
    "in_bulk": lambda model, name, _: model.in_bulk(["v1"], name),
    "F on the right": lambda model, name, plain: model.filter(**{plain: F(name)}),
    "F in a term": lambda model, name, plain: model.filter(**{plain: F(name) + "x"}),
    "order_by": lambda model, name, _: model.all().order_by(name),
    "order_by, descending": lambda model, name, plain: model.all().order_by(plain, f"-{name}"),
    "latest": lambda model, name, _: model.latest(name),
    "earliest": lambda model, name, _: model.earliest(name),
    "first, ordered": lambda model, name, _: model.all().order_by(name).first(),
    "annotate": lambda model, name, _: model.annotate(x=F(name)),
    "annotate, values": lambda model, name, _: model.annotate(x=F(name)).values("x"),
    "annotate, filtered": lambda model, name, _: model.annotate(x=F(name)).filter(x="v1"),
    "function": lambda model, name, _: model.annotate(x=Lower(name)),
    "function of functions": lambda model, name, _: model.annotate(x=Lower(Coalesce(name, "x"))),
    "coalesce": lambda model, name, plain: model.annotate(x=Coalesce(plain, F(name))),
    "concat": lambda model, name, plain: model.annotate(x=Concat(plain, F(name))),
    "max": lambda model, name, _: model.annotate(x=Max(name)).values("x"),
    "count of it": lambda model, name, _: model.annotate(x=Count(name, distinct=True)).values("x"),
    "aggregate's filter": lambda model, name, _: model.annotate(x=Count("id", _filter=Q(**{name: "v1"}))),
    "case": lambda model, name, _: model.annotate(x=Case(When(Q(**{f"{name}__gt": "v1"}), then="1"))),
    "case's result": lambda model, name, plain: model.annotate(x=Case(When(Q(**{plain: "x"}), then=F(name)))),
    "case's default": lambda model, name, _: model.annotate(x=Case(When(Q(pk=1), then="1"), default=F(name))),
    "values": lambda model, name, _: model.all().values(name),
    "values, renamed": lambda model, name, _: model.all().values(x=name),
    "values, distinct": lambda model, name, _: model.all().distinct().values("id", name),
    "values of one": lambda model, name, _: model.first().values(name),
    "values_list": lambda model, name, _: model.all().values_list(name),
    "values_list, flat": lambda model, name, _: model.all().values_list(name, flat=True),
    "values_list of one": lambda model, name, _: model.get(id=1).values_list(name, flat=True),
    "group_by": lambda model, name, _: model.annotate(n=Count("id")).group_by(name).values("n"),
    "subquery": lambda model, name, plain: model.filter(**{plain: Subquery(model.all().limit(1).values(name))}),
    "subquery, annotated": lambda model, name, _: model.annotate(x=Subquery(model.all().values_list(name, flat=True))),
    "sql": lambda model, name, _: model.filter(**{name: "v1"}).sql(params_inline=True),
    "explain": lambda model, name, _: model.all().order_by(name).explain(),
    "update from it": lambda model, name, plain: model.all().update(**{plain: F(name)}),
    "update from a term": lambda model, name, plain: model.all().update(**{plain: Concat(F(name), "x")}),
}


@pytest.mark.parametrize("use", USES)
async def test_reads(use: str) -> None:
    for model, name in PATHS:
        await refused(partial(USES[use], model, name, PLAIN[model]), name)


OWN_USES: dict[str, Callable[[Any, str, str], Any]] = {
    "update": lambda model, name, _: model.all().update(**{name: "x"}),
    "update to null": lambda model, name, _: model.all().update(**{name: None}),
    "update from another": lambda model, name, plain: model.all().update(**{name: F(plain)}),
    "update with another": lambda model, name, plain: model.all().update(**{plain: "x", name: "x"}),
    "get_or_create": lambda model, name, _: model.get_or_create(**{name: "x"}),
    "update_or_create": lambda model, name, _: model.update_or_create(**{name: "x"}),
    "values of all": lambda model, *_: model.all().values(),
    "values_list of all": lambda model, *_: model.all().values_list(),
    "union": lambda model, name, _: model.all().union(model.all()).order_by(name),
    "union of only": lambda model, name, _: model.all().only("id", name).union(model.all()).order_by(f"-{name}"),
    "union of unions": lambda model, name, _: model.all().union(model.all()).union(model.all()).order_by(name),
    "union with another": lambda model, name, _: MediaRequest.all().union(model.all()).order_by(name),
    "query set of Tortoise's own": lambda model, name, _: QuerySet(model).order_by(name),
}


@pytest.mark.parametrize("use", OWN_USES)
@pytest.mark.parametrize(("model", "name"), SECRETS)
async def test_writes_and_whole_rows(model: Any, name: str, use: str) -> None:
    if use.endswith("of all"):
        name = next(secret for secret in model._meta.fields_db_projection if (model, secret) in SECRETS)
    await refused(lambda: OWN_USES[use](model, name, PLAIN[model]), name)


@pytest.mark.parametrize(("model", "name"), SECRETS)
async def test_bulk_writes(model: Any, name: str) -> None:
    instance = await model.first()
    await refused(lambda: model.bulk_update([instance], [name]), name)
    await refused(lambda: model.bulk_update([instance], iter([PLAIN[model], name])), name)
    await refused(lambda: model.bulk_create([instance], on_conflict=["id"], update_fields=[name]), name)


@pytest.mark.parametrize(("model", "key"), [(User, "plex_id"), (Service, "name")])
async def test_bulk_writes_of_the_key_that_a_secret_is_bound_to(model: Any, key: str) -> None:
    instance = await model.first()
    for use in (
        lambda: model.all().update(**{key: "x"}),
        lambda: model.filter(id=instance.id).update(**{key: F("id")}),
        lambda: model.bulk_update([instance], [key]),
        lambda: model.bulk_create([instance], on_conflict=["id"], update_fields=iter([key])),
    ):
        with pytest.raises(SecretFieldError, match=f"it is bound to {key}, which is written with an instance's save"):
            await run(use)


async def test_relations_of_an_instance() -> None:
    user, session = await User.first(), await SessionToken.first()
    assert user
    assert session
    local_credential: Any = user.local_credential
    of_session: Any = session.user
    for use, name in (
        (lambda: user.session_tokens.filter(token_hash="x"), "token_hash"),
        (lambda: user.session_tokens.order_by("token_hash"), "token_hash"),
        (lambda: user.session_tokens.all().values("token_hash"), "token_hash"),
        (lambda: local_credential.values("password_hash"), "password_hash"),
        (lambda: of_session.values_list("plex_token"), "plex_token"),
    ):
        await refused(use, name)


@pytest.mark.parametrize(
    "use",
    [
        lambda: Service.filter(config_data__filter={"password": "x"}),
        lambda: Service.annotate(x=F("config_data__password")),
        lambda: Service.all().order_by("config_data__password"),
    ],
)
async def test_paths_into_a_document(use: Callable[[], Any]) -> None:
    with pytest.raises(Exception, match="config_data") as raised:
        await run(use)
    assert type(raised.value).__name__ in ("FieldError", "SecretFieldError")


@pytest.mark.parametrize("name", ["plex_token", "config_data", "api_key"])
async def test_save_with_an_expression(name: str) -> None:
    model: Any = User if name == "plex_token" else Service
    instance = await model.first()
    with pytest.raises(InvalidInputError, match=rf"^\w+\.{name}: "):
        setattr(instance, name, F("id"))
    setattr(instance, PLAIN[model], F(name))
    await refused(instance.save, name)


async def test_everything_else_still_works() -> None:
    assert await User.filter(plex_username="Anna").order_by("-created_at").values("id", "email")
    assert await User.annotate(n=Count("session_tokens")).get(n=1)
    assert await User.all().union(User.all()).order_by("-plex_id")
    assert await User.all().only("plex_id", "plex_token")
    assert await MediaRequest.all().select_related("user").prefetch_related("user__session_tokens")
    assert await MediaRequest.all().values_list()
    assert await User.filter(id__in=Subquery(User.all().values("id"))).update(email="x") == 1
