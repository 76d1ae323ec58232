"""The index of near copies: a few representatives of each cluster, and the keys they are found by.

Both tables can be made anew from the comments (``moderation likeness rebuild``).
"""

from __future__ import annotations

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, Text
from sqlalchemy.orm import Mapped, mapped_column

from moderation.domain.base import Base, Id

_Number = BigInteger().with_variant(Integer, "sqlite")
"""Up to 21 keys a comment, each with such a number in it: 8 bytes where an ``Id`` takes 33."""


class Representative(Base):
    """Letters that stand for a cluster: those of its first comment, or of one unlike that one.

    Ids of one site become visible in ascending order, because their writer holds the site's row:
    whoever saw one has seen all smaller ones.
    """

    __tablename__ = "likeness_representatives"
    __table_args__ = (
        Index("ix_likeness_representatives_site_id", "site_id", "id"),
        Index("ix_likeness_representatives_cluster_id", "cluster_id"),
        # SQLite would give the id of a deleted last row to the next one.
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(_Number, primary_key=True)
    site_id: Mapped[str] = mapped_column(Id, ForeignKey("sites.id"))
    cluster_id: Mapped[str] = mapped_column(Id)
    letters: Mapped[str] = mapped_column(Text)


class LikenessKey(Base):
    """One of the keys under which a representative is found.

    No foreign keys: each would cost a look-up for each of these rows. A key whose
    representative is gone finds nothing.
    """

    __tablename__ = "likeness_keys"
    __table_args__ = ({"sqlite_with_rowid": False},)

    key: Mapped[int] = mapped_column(_Number, primary_key=True, autoincrement=False)
    representative_id: Mapped[int] = mapped_column(_Number, primary_key=True, autoincrement=False)
