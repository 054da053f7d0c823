"""The media requests in the studio, whose status can be changed for many at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final
from uuid import UUID

from markupsafe import Markup
from starlette.requests import Request
from starlette_admin.actions import ActionSelection, action, row_action
from starlette_admin.exceptions import ActionFailed
from starlette_admin.flash import flash
from starlette_admin.types import RequestAction
from tortoise.models import Model

from medianest_models import models
from medianest_models.db import transaction
from medianest_models.enums import REQUEST_TRANSITIONS, RequestStatus
from medianest_models.errors import MedianestError
from medianest_models.repositories import media_requests
from medianest_models.repositories.changes import RequestChange
from medianest_models.repositories.media_requests import TransitionReport
from medianest_models.studio.editing import EditableView
from medianest_models.studio.fields import value_of

_NAMED: Final = 5
"""The most titles that an outcome names for one reason: a cookie holds the whole message."""
_TITLE_LENGTH: Final = 60

_MESSAGE_FORM: Final = Markup(
    '<form class="mt-3"><label class="form-label" for="transition-message">Message for the history</label>'
    '<textarea class="form-control" id="transition-message" name="message" rows="3"></textarea></form>'
)

_ACTIONS: Final = {
    RequestStatus.APPROVED: {"name": "approve", "text": "Approve", "icon_class": "fa fa-check"},
    RequestStatus.AVAILABLE: {"name": "make-available", "text": "Make available", "icon_class": "fa fa-circle-play"},
    RequestStatus.FAILED: {"name": "fail", "text": "Fail", "icon_class": "fa fa-xmark"},
    RequestStatus.PENDING: {"name": "reopen", "text": "Reopen", "icon_class": "fa fa-rotate-left"},
}
_STATUS_OF: Final = {texts["name"]: status for status, texts in _ACTIONS.items()}


def _actions(status: RequestStatus) -> tuple[Any, Any]:
    """Make the action that changes selected requests to a status, and the one on a request's page."""
    texts = _ACTIONS[status]
    dialog: dict[str, Any] = {
        **texts,
        "header": texts["text"],
        "submit_btn_text": texts["text"],
        "form": _MESSAGE_FORM,
        "modal_size": "md",
    }

    @action(**dialog, confirmation=f"Change the selected requests to {status}?")
    async def change_selected(view: MediaRequests, request: Request, selection: ActionSelection) -> None:
        await view.transition(request, await selection.pks(), status)

    @row_action(**dialog, confirmation=f"Change this request to {status}?", exclude_from_list=True)
    async def change_one(view: MediaRequests, request: Request, pk: Any) -> None:
        await view.transition(request, [pk], status)

    return change_selected, change_one


class MediaRequests(EditableView):
    """Media requests. A new status is noted in the request's history."""

    table = models.MediaRequest
    icon = "fa fa-film"
    name_of_row = "title"
    unlisted = ("imdb_id", "overseerr_id", "request_data")
    fixed = ("created_at", "completed_at")
    fixed_later = ("user",)
    set_later = ("status",)
    make = staticmethod(media_requests.submit)

    detail_template = "request.html"
    followed = RequestChange
    actions = (*_STATUS_OF, "export")
    row_actions = ("view", "edit", *_STATUS_OF, "delete")
    approve, approve_one = _actions(RequestStatus.APPROVED)
    make_available, make_one_available = _actions(RequestStatus.AVAILABLE)
    fail, fail_one = _actions(RequestStatus.FAILED)
    reopen, reopen_one = _actions(RequestStatus.PENDING)

    async def find_by_pk(self, request: Request, pk: Any) -> Any:
        """Find a request; for its own page, read its history too."""
        row = await super().find_by_pk(request, pk)
        if row is not None and request.state.action is RequestAction.DETAIL:
            request.state.history = await media_requests.history(row.pk)
        return row

    async def change(self, row: Model, values: dict[str, Any]) -> None:
        """Change a request; its status along the transitions that are allowed."""
        status = values.pop("status", None)
        await super().change(row, values)
        if status is not None:
            await media_requests.transition(row.pk, status=status, message="changed in the studio")

    async def is_action_allowed(self, request: Request, name: str) -> bool:
        """Return whether there is an action for selected rows."""
        return self.can_edit(request) if name in _STATUS_OF else await super().is_action_allowed(request, name)

    async def is_row_action_allowed(self, request: Request, name: str) -> bool:
        """Return whether there is an action for single rows."""
        return self.can_edit(request) if name in _STATUS_OF else await super().is_row_action_allowed(request, name)

    async def is_row_action_allowed_for_obj(self, request: Request, name: str, obj: Any) -> bool:
        """Return whether there is an action for a request: one that leads to a status it may change to."""
        if name in _STATUS_OF and _STATUS_OF[name] not in REQUEST_TRANSITIONS.get(value_of(obj, "status"), ()):
            return False
        return await super().is_row_action_allowed_for_obj(request, name, obj)

    async def transition(self, request: Request, ids: Iterable[str], status: RequestStatus) -> None:
        """Change requests to a status where that is allowed, and say which were not changed."""
        message = (await request.form()).get("message")
        try:
            async with transaction():
                report = await media_requests.transition_many(
                    ids, status=status, message=message if isinstance(message, str) and message.strip() else None
                )
                for changed in report.changed:
                    await self._note("update", changed.id, columns=["status"])
        except MedianestError as error:
            raise ActionFailed(str(error)) from None
        number = len(report.changed)
        if number:
            flash(request, f"Changed to {status}: {number:,} {'request' if number == 1 else 'requests'}.", "success")
        for problem in await _problems(report, status):
            flash(request, problem, "warning" if number else "error")


async def _problems(report: TransitionReport, status: RequestStatus) -> list[str]:
    """Say which requests were not changed, a sentence for each reason."""
    titles = dict(
        await models.MediaRequest.filter(id__in=[*report.refused, *report.duplicates]).values_list("id", "title")
    )
    reasons: dict[str, list[UUID]] = {}
    for refused, previous in report.refused.items():
        reason = "already so" if previous is status else f"{previous} can't change to {status}"
        reasons.setdefault(reason, []).append(refused)
    reasons["another request for the title is open"] = list(report.duplicates)
    reasons["deleted meanwhile"] = report.not_found
    return [
        f"Not changed, because {reason}: {_named([titles.get(row_id, str(row_id)) for row_id in ids])}."
        for reason, ids in reasons.items()
        if ids
    ]


def _named(titles: list[str]) -> str:
    """List some titles, shortened, and the number of the others."""
    shown = [
        title if len(title) <= _TITLE_LENGTH else f"{title[: _TITLE_LENGTH - 1]}\N{HORIZONTAL ELLIPSIS}"
        for title in titles[:_NAMED]
    ]
    others = len(titles) - len(shown)
    return ", ".join(shown) + (f" and {others:,} more" if others else "")
