"""Uses the client that openapi-python-client makes: a new name erases nothing, and a refresh gets the refresh token."""

import json
import sys

from latchkey import AuthenticatedClient, Client
from latchkey.api.account import get_account, update_account
from latchkey.api.sign_in import refresh, signup
from latchkey.models import Account, SignupRequest, Tokens, UpdateAccountRequest


def main(url: str) -> None:
    body = SignupRequest(email="python@example.com", password="correct horse battery")
    signed_up = signup.sync(client=Client(url), body=body)
    assert isinstance(signed_up, Tokens)
    somebody = AuthenticatedClient(url, token=str(signed_up.access_token))
    update_account.sync(client=somebody, body=UpdateAccountRequest(first_name="Ann", last_name="Lee", locale="de"))
    update_account.sync(client=somebody, body=UpdateAccountRequest(first_name="Kim"))
    refreshed = refresh.sync(client=AuthenticatedClient(url, token=str(signed_up.refresh_token)))
    assert isinstance(refreshed, Tokens)
    account = get_account.sync(client=AuthenticatedClient(url, token=str(refreshed.access_token)))
    assert isinstance(account, Account)
    print(json.dumps(account.to_dict()))


main(sys.argv[1])
