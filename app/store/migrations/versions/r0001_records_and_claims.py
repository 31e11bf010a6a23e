"""Records, and claims of idempotency keys."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "records",
        sa.Column("caller", sa.String, primary_key=True),
        sa.Column("kind", sa.String, primary_key=True),
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("version", sa.String, nullable=False),
        sa.Column("policy", sa.String),
        sa.Column("status", sa.String),
        sa.Column("venue", sa.String),
        sa.Column("as_of", sa.BigInteger),
        sa.Column("budget", sa.String),
        sa.Column("received_at", sa.BigInteger, nullable=False),
        sa.Column("answered_at", sa.BigInteger, nullable=False),
        sa.Column("last_answered_at", sa.BigInteger, nullable=False),
        sa.Column("stored_bytes", sa.BigInteger, nullable=False),
        sa.Column("request", sa.LargeBinary, nullable=False),
        sa.Column("answer", sa.LargeBinary, nullable=False),
    )
    op.create_index("records_by_answer", "records", ["caller", "kind", "answered_at", "id"])
    op.create_index("records_by_age", "records", ["last_answered_at", "stored_bytes"])
    op.create_table(
        "claims",
        sa.Column("caller", sa.String, primary_key=True),
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("owner", sa.String, nullable=False),
        sa.Column("lease_until", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.String),
        sa.Column("id", sa.String),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.ForeignKeyConstraint(
            ["caller", "kind", "id"],
            ["records.caller", "records.kind", "records.id"],
            name="claims_record",
            ondelete="CASCADE",
        ),
        sa.CheckConstraint(
            "(state = 'pending' AND kind IS NULL AND id IS NULL)"
            " OR (state = 'done' AND kind IS NOT NULL AND id IS NOT NULL)",
            name="claims_state",
        ),
    )
    op.create_index("claims_by_record", "claims", ["caller", "kind", "id"])
    op.create_index("claims_by_expiry", "claims", ["expires_at"])


def downgrade() -> None:
    op.drop_table("claims")
    op.drop_table("records")
