"""`user` of the user authentication service. `User.__table__` describes the table of the exercise; it stays empty."""

import _service
import sqlalchemy as sa

from app.web.compat.user_service.db import User

__all__ = ["User"]

_service.service_on_new_database()
User.__table__ = sa.Table(
    "users",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("email", sa.String(250), nullable=False),
    sa.Column("hashed_password", sa.String(250), nullable=False),
    sa.Column("session_id", sa.String(250)),
    sa.Column("reset_token", sa.String(250)),
)
