"""What a client says of itself reaches emails, and no mail program makes a link of it."""

import re

import pytest

from tests.support.api import ANN, bearer, log_in, sign_up
from tests.support.hostile_texts import LINKED, visible_text

PHONE = "Mozilla/5.0 (Linux; Android 10; evil.example Build/1) Chrome/120.0.1"
AGENTS = ("evil.example", "https://evil.example/x", PHONE)
ADDRESS = "ann+www.evil.example/login@example.org"
OURS = re.compile(r"http://localhost:8000\S*")


@pytest.mark.settings(trusted_proxies=["127.0.0.0/8"])
def test_no_email_links_what_a_client_sends(client, auth, mailbox):
    client.environ_base["HTTP_X_FORWARDED_FOR"] = "www.evil.example, fe80::1%evil.example"
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "www.evil.example"
    sign_up(client)
    for agent in AGENTS:
        client.environ_base["HTTP_USER_AGENT"] = agent
        tokens = log_in(client).json
    body = {"email": ADDRESS, "password": ANN["password"]}
    assert client.put("/api/v1/account/email", json=body, headers=bearer(tokens["access_token"])).status_code == 202
    auth.mail_delivery.deliver_due()
    subjects = [email.subject for email in mailbox.messages]
    assert subjects.count("A new device signed in to your account") == len(AGENTS)
    assert {"Please confirm your new address", "Your account is about to change its address"} <= set(subjects)
    for email in mailbox.messages:
        for words in (email.subject, email.text, visible_text(email.html)):
            assert LINKED.findall(OURS.sub(" ", words)) == [], words
