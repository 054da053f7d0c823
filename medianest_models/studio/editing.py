"""Changes of a table, by the rules of this package, each in one transaction with its entry in the activity log."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, ClassVar, NoReturn

from markupsafe import Markup
from starlette.requests import Request
from starlette_admin.actions import row_action
from starlette_admin.exceptions import ActionFailed, FormValidationError
from starlette_admin.flash import flash
from starlette_admin.types import RequestAction
from tortoise.models import Model

from medianest_models.db import transaction
from medianest_models.errors import MedianestError, NotFoundError
from medianest_models.masking import MASK
from medianest_models.repositories import activity
from medianest_models.studio.fields import MaskedDocumentField, SecretField, value_of
from medianest_models.studio.forms import field_of, is_change, read_values, shown_before, text, without_column
from medianest_models.studio.table import TableView, attached


def _deletion_notice(request: Request, _row: Model) -> str:
    """List the rows that are deleted with a row, for the confirmation."""
    lines = [
        Markup("<li>{}: {} {}</li>").format(
            dependents.model._meta.db_table.replace("_", " "),
            f"{number:,}",
            "(deleted with it)" if dependents.is_deleted else "(will stay, without it)",
        )
        for dependents, number in request.state.attached
    ]
    return Markup('<ul class="mt-2 mb-0">{}</ul>').format(Markup().join(lines)) if lines else ""


class EditableView(TableView):
    """The pages that change one table."""

    creatable: ClassVar[bool] = True
    editable: ClassVar[bool] = True
    deletable: ClassVar[bool] = True
    make: ClassVar[Callable[..., Awaitable[Model]] | None] = None
    """The repository function that creates a row from the form's values; None to save the model."""

    async def insert(self, values: dict[str, Any]) -> Model:
        """Create a row; subclasses override this to do more."""
        if self.make is not None:
            return await self.make(**values)
        row = self.table(**values)
        await row.save()
        return row

    async def lock(self, row_id: Any) -> Model | None:
        """Read a row and lock it; subclasses override this to lock another row first."""
        return await self.table.select_for_update().get_or_none(pk=row_id)

    async def change(self, row: Model, values: dict[str, Any]) -> None:
        """Change these columns of a locked row; subclasses override this to do more."""
        if values:
            row.update_from_dict(values)
            await row.save(update_fields=values)

    async def remove(self, row: Model) -> None:
        """Delete a row; subclasses override this to do more."""
        await row.delete()

    def can_create(self, request: Request) -> bool:  # noqa: ARG002 - the library's signature
        """Return whether rows can be created."""
        return self.creatable and not self.read_only

    def can_edit(self, request: Request) -> bool:  # noqa: ARG002 - the library's signature
        """Return whether rows can be changed."""
        return self.editable and not self.read_only

    def can_delete(self, request: Request) -> bool:  # noqa: ARG002 - the library's signature
        """Return whether rows can be deleted."""
        return self.deletable and not self.read_only

    async def serialize(self, obj: Any, request: Request, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Convert a row for the templates, and keep the form's values, to detect later which were changed."""
        shown = await super().serialize(obj, request, *args, **kwargs)
        if request.state.action is RequestAction.EDIT:
            request.state.stored_secrets = {name for name, value in shown.items() if value == MASK}
            request.state.shown = shown_before((await request.form()).get("shown")) or {
                field.name: text(shown[field.name])
                for field in self.get_fields_list(request)
                if not isinstance(field, SecretField)
            }
        return shown

    async def create(self, request: Request, data: dict[str, Any]) -> Any:
        """Create a row from the form; blank fields get their defaults."""
        read = read_values(self.table, self.get_fields_list(request), data, creating=True)
        values = {name: value for name, value in read.items() if value is not None}
        try:
            async with transaction():
                row = await self.insert(values)
                await self._note("create", row.pk, columns=sorted(values))
        except MedianestError as error:
            self._refuse(request, error)
        return row

    async def edit(self, request: Request, pk: Any, data: dict[str, Any]) -> Any:
        """Change only the columns that were edited in the form."""
        before = request.state.shown
        typed = {name: given for name, given in data.items() if is_change(given, before.get(name))}
        values = read_values(self.table, self.get_fields_list(request), typed, creating=False)
        try:
            async with transaction():
                row = await self.lock(self._coerce_pk(pk))
                if row is None:
                    self._is_gone()
                await self._refuse_stale(request, row, typed, before)
                self._keep_secrets(row, values)
                await self.change(row, dict(values))
                if values:
                    await self._note("update", row.pk, columns=sorted(values))
        except MedianestError as error:
            self._refuse(request, error)
        return await self.find_by_pk(request, pk)

    async def delete(self, request: Request, pks: list[Any]) -> int:
        """Delete rows, each with its dependent rows."""
        try:
            async with transaction():
                for pk in pks:
                    row = await self.find_by_pk(request, pk)
                    if row is None:
                        self._is_gone()
                    taken = {
                        dependents.model._meta.db_table: number
                        for dependents, number in await attached(row)
                        if dependents.is_deleted
                    }
                    await self.remove(row)
                    await self._note("delete", pk, columns=[], deleted_with_it=taken)
        except MedianestError as error:
            raise ActionFailed(str(error)) from None
        return len(pks)

    @row_action(
        name="delete",
        text="Delete",
        header="Delete",
        confirmation="Delete this row?",
        icon_class="default_actions.delete",
        submit_btn_text="Yes, delete",
        submit_btn_class="action.modal_confirm_button_delete",
        action_btn_class="action.row_item_delete",
        form=_deletion_notice,
        exclude_from_list=True,  # so that the dependent rows are always shown before a deletion
        modal_size="md",
    )
    async def row_action_3_delete(self, request: Request, pk: Any) -> None:
        """Delete a row."""
        await self.delete(request, [pk])
        flash(request, f"The {self.display_name} was deleted.", "success")

    async def _note(self, verb: str, row_id: object, **metadata: Any) -> None:
        """Log a change: the names of the columns, and no value."""
        await activity.record(
            f"studio.{verb}",
            entity_type=self.noun,
            entity_id=str(row_id),
            metadata={"by": "studio", **metadata},
            user_agent="medianest studio",
        )

    async def _refuse_stale(self, request: Request, row: Model, typed: Iterable[str], before: dict[str, str]) -> None:
        """Refuse what was typed over something else than what stands there now."""
        await row.fetch_related(*self._prefetch_names(request))
        now = await super().serialize(row, request)
        stale = [name for name in typed if name in before and before[name] != text(now[name])]
        if stale:
            reason = "was changed meanwhile by somebody else: load the page again"
            raise FormValidationError(dict.fromkeys(stale, reason))

    def _is_gone(self) -> NoReturn:
        raise NotFoundError(f"the {self.display_name} is gone")

    def _keep_secrets(self, row: Model, values: dict[str, Any]) -> None:
        """Replace masks by the stored secrets."""
        for field in self.fields:
            if isinstance(field, MaskedDocumentField) and field.name in values:
                values[field.name] = field.unmasked(values[field.name], value_of(row, field.name))

    def _refuse(self, request: Request, error: MedianestError) -> NoReturn:
        """Show an error in the form: at its field if there is one, or else above the form."""
        name = field_of(error, self.table, self.fields)
        if name not in {field.name for field in self.get_fields_list(request)}:
            flash(request, str(error), "error")
            raise FormValidationError({}) from None
        raise FormValidationError({name: without_column(error)}) from None
