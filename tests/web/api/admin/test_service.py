"""/api/v1/admin/mail and /keys: what an operator needs to see, and no more."""


def test_messages_are_listed_without_addresses_and_text(client, desk, bob):
    client.post("/api/v1/forgot-password", json={"email": bob.email})
    newest = desk.get("mail").json["messages"][0]
    assert (newest["kind"], newest["address"], newest["state"]) == ("reset_password", "b…@example.com", "queued")
    assert bob.email not in desk.get("mail").text


def test_due_or_unknown_message_is_not_retried(client, desk):
    [message] = desk.get("mail").json["messages"]
    assert desk.post(f"mail/{message['id']}/retry").json["code"] == "nothing_to_retry"
    assert desk.post("mail/4711/retry").json["code"] == "not_found"
    assert desk.post(f"mail/{2**63}/retry").status_code == 404


def test_a_rotated_key_is_listed_and_signs_later(client, desk):
    [first] = desk.get("keys").json["keys"]
    answer = desk.post("keys/rotate", algorithm="EdDSA")
    assert answer.status_code == 201
    keys = desk.get("keys").json["keys"]
    assert [(key["kid"], key["signs"]) for key in keys] == [(first["kid"], True), (answer.json["kid"], False)]
    assert "PRIVATE" not in desk.get("keys").text
