"""The import of a MediaNest database that Prisma made: one transaction, which can be repeated."""

from medianest_models.importing.report import ImportReport, RowNote, TableReport
from medianest_models.importing.run import import_prisma

__all__ = ["ImportReport", "RowNote", "TableReport", "import_prisma"]
