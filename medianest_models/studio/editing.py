"""Changes of a table: by the rules of this package, in one transaction with an entry in the activity log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from markupsafe import Markup
from starlette_admin.actions import row_action
from starlette_admin.exceptions import ActionFailed, FormValidationError
from starlette_admin.flash import flash
from starlette_admin.types import RequestAction

from medianest_models.db import transaction
from medianest_models.encryption import is_secret
from medianest_models.errors import (
    InvalidInputError,
    MedianestError,
    NotFoundError,
)
from medianest_models.masking import MASK
from medianest_models.studio.changes import attached, note
from medianest_models.studio.fields import RelationField, read_field, value_of
from medianest_models.studio.forms import field_of, is_change, related_id, shown_before, text, without_column
from medianest_models.studio.secret_fields import REMOVE, MaskedDocumentField, SecretField, unmasked
from medianest_models.studio.table import TableView, attached_once

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from starlette.requests import Request
    from starlette_admin.fields import BaseField
    from tortoise.models import Model


async def _deletion_notice(request: Request, row: Model) -> str:
    """List what goes with a row, to be shown before it is deleted."""
    lines = [
        Markup("<li>{}: {} {}</li>").format(
            dependent.model._meta.db_table.replace("_", " "),
            f"{number:,}",
            "(deleted with it)" if dependent.is_deleted else "(will stay, without it)",
        )
        for dependent, number in await attached_once(request, row)
    ]
    return Markup('<ul class="mt-2 mb-0">{}</ul>').format(Markup().join(lines)) if lines else ""


class EditableView(TableView):
    """The pages that change one table.

    Attributes:
        creatable: Whether rows can be made here.
        editable: Whether rows can be changed here.
        deletable: Whether rows can be deleted here.
        make: The repository's function that makes a row of the form's values; None where saving the model does.
    """

    creatable: ClassVar[bool] = True
    editable: ClassVar[bool] = True
    deletable: ClassVar[bool] = True
    make: ClassVar[Callable[..., Awaitable[Model]] | None] = None

    async def insert(self, values: dict[str, Any]) -> Model:
        """Make a row; overridden where there is more to it."""
        if self.make is not None:
            return await self.make(**values)
        row = self.table(**values)
        await row.save()
        return row

    async def lock(self, row_id: Any) -> Model | None:
        """Read a row and lock it; overridden where another row has to be locked first."""
        return await self.table.select_for_update().get_or_none(pk=row_id)

    async def change(self, row: Model, values: dict[str, Any]) -> None:
        """Change these columns of a row, which is locked; overridden where there is more to it."""
        if values:
            row.update_from_dict(values)
            await row.save(update_fields=values)

    async def remove(self, row: Model) -> None:
        """Delete a row; overridden where there is more to it."""
        await row.delete()

    def can_create(self, request: Request) -> bool:  # noqa: ARG002 - the library's signature
        """Return whether rows can be made."""
        return self.creatable and not self.read_only

    def can_edit(self, request: Request) -> bool:  # noqa: ARG002 - the library's signature
        """Return whether rows can be changed."""
        return self.editable and not self.read_only

    def can_delete(self, request: Request) -> bool:  # noqa: ARG002 - the library's signature
        """Return whether rows can be deleted."""
        return self.deletable and not self.read_only

    async def serialize(self, obj: Any, request: Request, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Convert a row for the templates, and keep what a form showed, to tell later what was changed in it."""
        shown = await super().serialize(obj, request, *args, **kwargs)
        if request.state.action is RequestAction.EDIT:
            request.state.stored_secrets = {name for name, value in shown.items() if value == MASK}
            request.state.shown = {
                field.name: text(shown[field.name])
                for field in self.get_fields_list(request)
                if not isinstance(field, SecretField)
            }
        return shown

    async def create(self, request: Request, data: dict[str, Any]) -> Any:
        """Make a row of what was typed; what was left blank gets its default."""
        values = {name: value for name, value in self._read(request, data).items() if value is not None}
        try:
            async with transaction():
                row = await self.insert(values)
                await note("create", self.noun, row.pk, columns=values)
        except MedianestError as error:
            self._refuse(request, error)
        return row

    async def edit(self, request: Request, pk: Any, data: dict[str, Any]) -> Any:
        """Change what was typed over, and nothing else of the row."""
        before = shown_before((await request.form()).get("shown")) or request.state.shown
        request.state.shown = before
        typed = {name: given for name, given in data.items() if is_change(given, before.get(name))}
        values = self._read(request, typed)
        try:
            async with transaction():
                row = await self.lock(self._coerce_pk(pk))
                if row is None:
                    self._is_gone()
                await self._refuse_stale(request, row, typed, before)
                self._keep_secrets(row, values)
                await self.change(row, dict(values))
                if values:
                    await note("update", self.noun, row.pk, columns=values)
        except MedianestError as error:
            self._refuse(request, error)
        return await self.find_by_pk(request, pk)

    async def delete(self, request: Request, pks: list[Any]) -> int:
        """Delete rows, each with what belongs to it."""
        try:
            async with transaction():
                for pk in pks:
                    row = await self.find_by_pk(request, pk)
                    if row is None:
                        self._is_gone()
                    taken = {
                        dependent.model._meta.db_table: number
                        for dependent, number in await attached(row)
                        if dependent.is_deleted
                    }
                    await self.remove(row)
                    await note("delete", self.noun, pk, deleted_with_it=taken)
        except MedianestError as error:
            raise ActionFailed(str(error)) from None
        return len(pks)

    @row_action(
        name="delete",
        text="Delete",
        confirmation="Delete this row?",
        icon_class="default_actions.delete",
        submit_btn_text="Yes, delete",
        submit_btn_class="action.modal_confirm_button_delete",
        action_btn_class="action.row_item_delete",
        form=_deletion_notice,
        exclude_from_list=True,  # so that nobody deletes without having seen what goes with it
        modal_size="md",
    )
    async def row_action_3_delete(self, request: Request, pk: Any) -> None:
        """Delete a row."""
        await self.delete(request, [pk])
        flash(request, f"The {self.display_name} was deleted.", "success")

    async def _refuse_stale(self, request: Request, row: Model, typed: Iterable[str], before: dict[str, str]) -> None:
        """Refuses what was typed over something else than what stands there now."""
        await row.fetch_related(*self._prefetch_names(request))
        now = await super().serialize(row, request)
        stale = [name for name in typed if name in before and before[name] != text(now[name])]
        if stale:
            reason = "was changed meanwhile by somebody else: load the page again"
            raise FormValidationError(dict.fromkeys(stale, reason))

    def _is_gone(self) -> NoReturn:
        raise NotFoundError(f"the {self.display_name} is gone")

    def _read(self, request: Request, typed: Mapping[str, Any]) -> dict[str, Any]:
        """Read the values of what was typed, each under the name of its attribute.

        Raises:
            FormValidationError: Something can't be read or stored.
        """
        values: dict[str, Any] = {}
        problems: dict[str | int, Any] = {}
        for field in self.get_fields_list(request):
            if field.name not in typed or (isinstance(field, SecretField) and typed[field.name] is None):
                continue
            try:
                name, value = self._read_one(field, typed[field.name], creating=request.state.action.value == "CREATE")
            except InvalidInputError as error:
                problems[field.name] = without_column(error)
            else:
                values[name] = value
        if problems:
            raise FormValidationError(problems)
        return values

    def _read_one(self, field: BaseField, typed: Any, *, creating: bool) -> tuple[str, Any]:
        column: Any = self.table._meta.fields_map.get(field.name)
        value = None if typed is REMOVE else read_field(field, typed)
        if column is None:
            return field.name, value
        has_default = column.has_db_default() or column.default is not None
        if value is None and not column.null and not (creating and has_default):
            raise InvalidInputError("must not be empty")
        if isinstance(field, RelationField):
            return column.source_field, None if value is None else related_id(column.related_model, value)
        if value is not None and not is_secret(column):
            column.to_db_value(value, self.table)  # refuses what the column can't hold
        return field.name, value

    def _keep_secrets(self, row: Model, values: dict[str, Any]) -> None:
        """Put the stored secrets back where their masks stand."""
        for field in self.fields:
            if isinstance(field, MaskedDocumentField) and field.name in values:
                values[field.name] = unmasked(values[field.name], value_of(row, field.name), field.name)

    def _refuse(self, request: Request, error: MedianestError) -> NoReturn:
        """Show an error in the form: at its field where it has one, else above the form."""
        name = field_of(error, self.table, self.fields)
        if name is None or name not in {field.name for field in self.get_fields_list(request)}:
            flash(request, str(error), "error")
            raise FormValidationError({}) from None
        raise FormValidationError({name: without_column(error)}) from None
