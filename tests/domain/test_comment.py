"""Conditions on comments, as the databases get them."""

from __future__ import annotations

import pytest
from sqlalchemy import not_, select
from sqlalchemy.dialects import postgresql, sqlite

from moderation.domain.comment import ESCALATED, REPORTED, WAITS, Comment, holds


@pytest.mark.parametrize("condition", [WAITS, ESCALATED, REPORTED])
@pytest.mark.parametrize("dialect", [sqlite.dialect(), postgresql.dialect()], ids=lambda d: d.name)
def test_a_condition_stands_in_the_sql_word_for_word(condition: str, dialect) -> None:
    """Else a partial index that is made with it is not used."""
    statement = select(Comment.id).where(holds(condition), Comment.id == "x")
    sql = str(statement.compile(dialect=dialect)).replace("comments.", "")
    assert f"WHERE ({condition}) AND id =" in sql
    assert f"NOT ({condition})" in str(
        select(Comment.id).where(not_(holds(condition))).compile(dialect=dialect)
    ).replace("comments.", "")
