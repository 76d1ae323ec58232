"""Empty the index of near copies: its keys are made of other shingles now

What is stored under the old keys would not be found any more. Comments keep their clusters; copies
that come in from now on found new ones, until ``moderation likeness rebuild`` compares the comments
from before anew, while the service runs. No row of `comments` is touched here.

Revision: 0011, after 0010
"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _empty()


def downgrade() -> None:
    _empty()


def _empty() -> None:
    if op.get_bind().dialect.name == "postgresql":
        # At once, however much is stored; in the order in which workers read them. Ids go on.
        op.execute("TRUNCATE likeness_representatives, likeness_keys")
        return
    op.execute("DELETE FROM likeness_representatives")
    op.execute("DELETE FROM likeness_keys")
