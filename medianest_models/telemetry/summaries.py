"""A statement in a few words, such as `UPDATE youtube_downloads`, and its text without literals."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

_LONGEST: Final = 255
"""The characters of a summary, by the conventions; it is cut between two words."""

_LITERAL: Final = re.compile(
    r"""
    --[^\n]* | /\*.*?(?:\*/|\Z)                                                     # a comment
    | (?P<quoted>\be'(?:[^'\\]|\\.|'')*(?:'|\Z) | '(?:[^']|'')*(?:'|\Z)             # a text
      | \$(?P<tag>(?!\d)\w*)\$.*?(?:\$(?P=tag)\$|\Z)
      | (?<![\w$."])\.?\d[\w.]*)                                                       # a number, unlike $1 and hour_1
    | "[^"]*"                                                                       # a name, which stays
    """,
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
_WORD: Final = re.compile(r'(?:"[^"]*"|[^\W\d]\w*)(?:\.(?:"[^"]*"|\w+))*|[(),;]')
_NAMED_PART: Final = re.compile(r"(\w+)\s*(?:\([^()]*\)\s*)?\bAS\s+(?:(?:NOT\s+)?MATERIALIZED\s+)?\(", re.IGNORECASE)
"""A part of WITH, whose name is no table's."""

_SIMPLE: Final = re.compile(r'"[a-z_]\w*"')
"""A quoted name that needs no quotes: Tortoise quotes all of them, and our own statements none."""

_OPERATIONS: Final = {"SELECT", "INSERT", "UPDATE", "DELETE", "MERGE"}
_NO_OPERATION_AFTER: Final = {"FOR", "KEY", "DO", "ON", "BEFORE", "AFTER", "OR", "AS", "SELECT", ","}
"""The words before UPDATE and DELETE where these are a clause, as in FOR UPDATE, or a name, as in AS update."""
_BEFORE_TABLE: Final = {"FROM", "JOIN", "INTO", "USING"}
_NO_TABLE_AFTER: Final = {"DISTINCT"}  # as in IS DISTINCT FROM
_IGNORED: Final = {"ONLY", "LATERAL"}
_END_OF_LIST: Final = {"WHERE", "SET", "GROUP", "ORDER", "LIMIT", "RETURNING", "UNION", "HAVING", "ON", "VALUES", "FOR"}
_OWN_FUNCTION: Final = "medianest_"


def describe(sql: str) -> tuple[str, str]:
    """Return the summary of a statement, and its text with `?` in place of every literal.

    The summary has the operations and their tables in the order of the text, each once; our database functions count as
    tables. The names that WITH gives are left out, and so is an operation without a table beside others.
    """
    text = _LITERAL.sub(lambda found: "?" if found["quoted"] else found[0] if found[0][0] == '"' else " ", sql)
    phrases = list(dict.fromkeys(" ".join(phrase) for phrase in _phrases(text) if len(phrase) > 1))
    summary = " ".join(phrases) or next((word[0].upper() for word in _WORD.finditer(text) if word[0].isalpha()), "")
    if len(summary) > _LONGEST:
        summary = summary[: _LONGEST + 1].rpartition(" ")[0]
    return summary, " ".join(text.split())


@dataclass(slots=True)
class _Level:
    """The text between two parentheses: an operation with its tables, or nothing in those of a call.

    Attributes:
        phrase: The operation and its tables.
        in_list: Whether a comma comes before a further table.
    """

    phrase: list[str] = field(default_factory=list)
    in_list: bool = False


def _phrases(text: str) -> list[list[str]]:
    """List the operations, each with its tables, in the order in which they begin."""
    phrases: list[list[str]] = []
    parts = {name.lower() for name in _NAMED_PART.findall(text)}
    words = [found[0] for found in _WORD.finditer(text)]
    level, around = _Level(), list[_Level]()
    before, awaited = "", False
    for word, after in pairwise([*words, ""]):
        upper = word.upper()
        if awaited and upper not in _IGNORED and upper != "(":
            awaited = False
            is_table = after != "(" or before == "INTO" or word.startswith(_OWN_FUNCTION)
            name = word.strip('"') if _SIMPLE.fullmatch(word) else word
            if is_table and word.lower() not in parts and name not in level.phrase:
                level.phrase.append(name)
        elif upper == "(":
            around.append(level)
            level, awaited = _Level(), False
        elif upper == ")" and around:
            level = around.pop()
        elif upper in _OPERATIONS and before not in _NO_OPERATION_AFTER:
            level.phrase, level.in_list, awaited = [upper], False, upper == "UPDATE"
            phrases.append(level.phrase)
        elif upper in _BEFORE_TABLE:
            awaited = level.in_list = bool(level.phrase) and before not in _NO_TABLE_AFTER
        elif upper in _END_OF_LIST:
            level.in_list = False
        elif upper == ",":
            awaited = level.in_list
        before = upper
    return phrases
