"""Somebody has letters sent to a mailbox, again and again."""

from app.domain.mail.outbox import LETTERS_AN_HOUR


def reset_letters(ann) -> int:
    return len([subject for to, subject in ann.letters() if (to, subject) == (ann.email, "Choose a new password")])


def test_five_hundred_calls_send_five_letters_and_the_newest_link_works(ann) -> None:
    answers = set()
    for number in range(500):
        answer = ann.send("forgot-password", email=ann.email)
        answers.add((answer.status_code, answer.text))
        if number % 20 == 0:
            ann.letters()
    assert len(answers) == 1
    assert reset_letters(ann) == LETTERS_AN_HOUR
    assert ann.choose_new_password().status_code == 200


def test_an_hour_later_there_are_letters_again(ann, clock) -> None:
    for _ in range(2 * LETTERS_AN_HOUR):
        ann.send("forgot-password", email=ann.email)
        ann.letters()
    clock.advance(hours=1, seconds=1)
    ann.send("forgot-password", email=ann.email)
    assert reset_letters(ann) == LETTERS_AN_HOUR + 1


def test_a_stranger_s_zeal_keeps_no_letter_of_another_kind_away(ann) -> None:
    for _ in range(2 * LETTERS_AN_HOUR):
        ann.send("forgot-password", email=ann.email)
        ann.letters()
    ann.ask("PUT", "account/password", {"password": "a new horse battery"})
    assert (ann.email, "Your password was changed") in ann.letters()
