"""The account whose data is exported: what each table needs to find its rows."""

from datetime import datetime
from typing import Protocol


class DataSubject(Protocol):
    """An account as seen by the tables of other entities."""

    @property
    def id(self) -> str:
        """The id that most rows refer to."""

    @property
    def email_canonical(self) -> str:
        """Canonical email address, for rows that were written without looking up the account."""

    @property
    def created_at(self) -> datetime:
        """When the account was created. Earlier rows with its address do not belong to it."""
