"""Somebody has emails sent to a mailbox, again and again."""

from app.domain.mail.rate_limit import EmailLimit
from tests.support.profile import long, sized

LIMIT = EmailLimit()


def reset_letters(ann) -> int:
    return len([subject for to, subject in ann.letters() if (to, subject) == (ann.email, "Choose a new password")])


@long
def test_many_reset_requests_send_three_emails_with_a_valid_link(ann) -> None:
    answers = set()
    for number in range(sized(60, 300)):
        answer = ann.send("forgot-password", email=ann.email)
        answers.add((answer.status_code, answer.text))
        if number % 20 == 0:
            ann.letters()
    assert len(answers) == 1
    assert reset_letters(ann) == LIMIT.burst
    assert ann.choose_new_password().status_code == 200


def test_twenty_minutes_later_the_next_one_comes_by_itself(ann, clock) -> None:
    for _ in range(2 * LIMIT.burst):
        ann.send("forgot-password", email=ann.email)
        ann.letters()
    clock.advance(minutes=20)
    assert reset_letters(ann) == LIMIT.burst + 1
    assert ann.choose_new_password().status_code == 200


def test_email_limit_of_one_kind_does_not_block_another(ann) -> None:
    for _ in range(2 * LIMIT.burst):
        ann.send("forgot-password", email=ann.email)
        ann.letters()
    ann.ask("PUT", "account/password", {"password": "a new horse battery"})
    assert (ann.email, "Your password was changed") in ann.letters()
