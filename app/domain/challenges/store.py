"""Stores which challenges were used. Each is used once: the primary key decides between parallel requests."""

import hashlib
from datetime import datetime

import sqlalchemy as sa

from app.core import base64url
from app.core.database import db, execute, fetch_all, table_of, translate_errors
from app.core.errors import Invalid
from app.domain.challenges.model import SpentChallenge

_spent = table_of(SpentChallenge)


class ChallengeUsed(Invalid):
    """The challenge was used before, by this response or another one."""

    code = "challenge_used"
    detail = "This response was already used. Ask for new options, and try again."


class SpentChallenges:
    """Uses up challenges."""

    def spend(self, challenge: bytes, expires_at: datetime) -> None:
        """Use up the challenge. Raises `ChallengeUsed`. Within a unit of work, which must not be committed then."""
        digest = base64url.encode(hashlib.sha256(challenge).digest())
        try:
            with translate_errors():
                db.session.execute(sa.insert(_spent).values(digest=digest, expires_at=expires_at))
        except sa.exc.IntegrityError:
            raise ChallengeUsed from None

    def delete_expired(self, before: datetime, most: int) -> int:
        """Delete up to `most` challenges that expired before a moment; how many were deleted."""
        expired = sa.select(_spent.c.digest).where(_spent.c.expires_at < before).limit(most)
        digests = [row[0] for row in fetch_all(expired)]
        return execute(sa.delete(_spent).where(_spent.c.digest.in_(digests)), {}) if digests else 0
