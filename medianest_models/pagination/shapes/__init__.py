"""Pages of query sets whose shape was met before: their SQL is known, and a generated function makes their models.

Tortoise makes each query's SQL anew, and each model attribute by attribute; for a page both take longer than the
statement. What a query set's SQL depends on beside its values is its shape; for each of the last shapes the text is
kept, and which value goes where. Values are encoded by the functions that Tortoise itself would call.

What is not understood goes Tortoise's own way: annotations, `only`, relations that are filtered by, selected or
prefetched, expressions and raw SQL as values, all operators but comparisons, `in`, `range` and `isnull`, query sets
and models that override what is relied on, and every Tortoise but that of the names below. Without this package
`prepare` would have to return None.

The private names that are relied on, of Tortoise 1.1 (`tortoise-orm<1.2` in pyproject.toml):

- `QuerySet`: `_choose_db`, and its state: each name in `support.STATE`, where no other one may be
- `Q._is_negated`
- `Model._meta`: `basequery_all_fields`, `fetch_fields`, `fields_map`, `filters` (with their `field`, `operator`,
  `table` and `value_encoder`)
- what `medianest_models.models.hydration` relies on
- the operators in `tortoise.filters`, and that pypika sends their values as parameters, but for the text `*`
"""

from medianest_models.pagination.shapes.filters import ShapedQ
from medianest_models.pagination.shapes.statements import LIMIT, OFFSET, Prepared, prepare
from medianest_models.pagination.shapes.support import switched_off

__all__ = ["LIMIT", "OFFSET", "Prepared", "ShapedQ", "prepare", "switched_off"]
