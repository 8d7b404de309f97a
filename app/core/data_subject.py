"""Whose data an export holds: what each table needs to know of an account to find its rows."""

from datetime import datetime
from typing import Protocol


class DataSubject(Protocol):
    """An account, as far as tables of other entities refer to it."""

    @property
    def id(self) -> str:
        """Its id, by which most rows refer to it."""

    @property
    def email_canonical(self) -> str:
        """Its address, for rows that were written before anybody looked up whose it is."""

    @property
    def created_at(self) -> datetime:
        """Since when there is the account. What was kept about its address before is not about it."""
