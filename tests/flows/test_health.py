"""Whether this process can do its work."""

import pytest

from app.auth import NotReady

AWAY = "postgresql://nobody@127.0.0.1:1/nowhere"


def test_with_its_database_it_is_ready(each_app, auth):
    assert auth.health.ready()["database"] == "ok"


@pytest.mark.settings(database_url=AWAY)
def test_without_its_database_it_names_what_is_missing(auth):
    with pytest.raises(NotReady, match="database") as refused:
        auth.health.ready()
    assert refused.value.retry_after > 0
