"""Which email addresses are accepted, and which are the same mailbox."""

import sys
import unicodedata

import idna
import pytest

from app.domain.accounts.emails import InvalidEmail, parse_address
from tests.support.api import PASSWORD, log_in, sign_up, sql

SPELLINGS = [
    "ann.lee@bücher.com",
    "Ann.Lee@bücher.com",
    "ANN.LEE@BÜCHER.COM",
    "  ann.lee@bücher.com ",
    "ann.lee@xn--bcher-kva.com",
    "Ann.Lee@XN--BCHER-KVA.COM",
    "ann.lee@bu\u0308cher.com",
    "ann.lee@BU\u0308CHER.com",
    "ann.lee@ｂücher.com",
    "ann.lee@bücher。com",
]
REFUSED = {
    "empty": "",
    "blank": "   ",
    "no at": "ann",
    "no local part": "@example.com",
    "no domain": "ann@",
    "two ats": "a@b@c.com",
    "an encoded word": "=?utf-8?q?ann=40evil.com=3e=20?=@example.com",
    "an encoded domain": "ann@=?utf-8?q?evil?=.com",
    "a quoted local part": '"ann lee"@example.com',
    "a quoted at": '"ann@evil.com"@example.com',
    "a quote inside": 'an"n@example.com',
    "CR LF": "ann@example.com\r\nBcc: eve@example.com",
    "LF": "ann\n@example.com",
    "a NUL": "ann\0@example.com",
    "a tab": "ann\t@example.com",
    "DEL": "ann\x7f@example.com",
    "a C1 control": "ann@exa\x85mple.com",
    "a list": "ann@example.com,eve@example.com",
    "a list with semicolons": "ann@example.com;eve@example.com",
    "two by a blank": "ann@example.com eve@example.com",
    "a name": "Ann <ann@example.com>",
    "angles": "<ann@example.com>",
    "a comment": "ann(eve)@example.com",
    "a comment behind": "ann@example.com(eve)",
    "a route": "@evil.com:ann@example.com",
    "a percent route with two ats": "eve%evil.com@@example.com",
    "a bang path with a blank": "evil! ann@example.com",
    "a literal": "ann@[127.0.0.1]",
    "an IPv6 literal": "ann@[IPv6:::1]",
    "no dot": "ann@localhost",
    "dots in a row": "a..b@example.com",
    "a dot first": ".ann@example.com",
    "a dot last": "ann.@example.com",
    "a root dot": "ann@example.com.",
    "a reserved name": "ann@service.invalid",
    "a local name": "ann@printer.local",
    "a hyphen first": "ann@-example.com",
    "an underscore": "ann@exa_mple.com",
    "broken punycode": "ann@xn--a.com",
    "a wide email": "ａnn@example.com",
    "an accent": "änn@example.com",
    "a Cyrillic look-alike": "\u0430nn@example.com",
    "a Kelvin sign": "\u212aate@example.com",
    "a ligature": "ﬁona@example.com",
    "a soft hyphen": "ann@ex\u00adample.com",
    "a zero width space": "ann@ex\u200bample.com",
    "turned around": "ann@ex\u202eample.com",
    "half a surrogate pair": "ann\ud800@example.com",
    "half a pair in the domain": "ann@\udfff.com",
    "a long label": f"ann@{'x' * 64}.com",
    "a long domain": f"ann@{'x.' * 130}com",
    "255 long": f"{'a' * 243}@example.com",
    "long once it is ASCII": "ann@" + ".".join(["ü" * 40] * 5) + ".com",
}
INVISIBLE = {
    "variation selector 16, as in an emoji": "\ufe0f",
    "variation selector 17": "\U000e0100",
    "combining grapheme joiner": "\u034f",
    "Hangul filler": "\u3164",
    "halfwidth Hangul filler": "\uffa0",
    "Hangul choseong filler": "\u115f",
    "Hangul jungseong filler": "\u1160",
    "Khmer inherent vowel": "\u17b4",
    "Mongolian variation selector": "\u180b",
    "Mongolian vowel separator": "\u180e",
    "zero width joiner": "\u200d",
    "zero width non-joiner": "\u200c",
    "word joiner": "\u2060",
    "invisible plus": "\u2064",
    "byte order mark": "\ufeff",
    "right-to-left mark": "\u200f",
    "musical format character": "\U0001d173",
    "tag email": "\U000e0061",
    "reserved": "\ufff0",
}


def is_dropped(character):
    """Whether the mapping of UTS 46 removes this character."""
    try:
        return idna.uts46_remap(f"exam{character}ple", std3_rules=False) == "example"
    except idna.IDNAError:
        return False


def is_refused(text):
    """Whether the address is rejected."""
    try:
        parse_address(text)
    except InvalidEmail:
        return True
    return False


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_spellings_of_one_mailbox_have_one_canonical_form(spelling):
    assert parse_address(spelling).canonical == "ann.lee@xn--bcher-kva.com"


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_unusual_email_address_is_rejected(text):
    with pytest.raises(InvalidEmail):
        parse_address(text)


@pytest.mark.parametrize("character", INVISIBLE.values(), ids=INVISIBLE)
@pytest.mark.parametrize("place", ["{}ann@example.com", "an{}n@example.com", "ann@{}example.com", "ann@exam{}ple.com",
                                   "ann@b{}ücher.com", "ann@example{}.com", "ann@example.co{}m"])  # fmt: skip
def test_an_invisible_character_is_refused(place, character):
    with pytest.raises(InvalidEmail):
        parse_address(place.format(character))


def test_every_character_that_a_domain_would_lose_is_refused():
    characters = map(chr, range(sys.maxunicode + 1))
    lost = [each for each in characters if unicodedata.category(each) in ("Cf", "Mn", "Lo") and is_dropped(each)]
    assert len(lost) > 250
    assert [each for each in lost if not is_refused(f"ann@exam{each}ple.com")] == []


@pytest.mark.parametrize(
    "text", ["ann+tag@example.com", "o'hara@example.com", "a!#$%&*/=^_`{|}~-@example.com", "1@example.co.uk"]
)
def test_an_unusual_address_is_an_address(text):
    assert parse_address(text).canonical == text


def test_the_address_is_kept_as_it_was_typed():
    assert parse_address(" Ann.Lee@example.com").typed == "Ann.Lee@example.com"


@pytest.mark.parametrize(
    "other", ["annlee@example.com", "ann.lee+x@example.com", "ann.lee@example.org", "ann.lee@mail.example.com"]
)
def test_other_mailboxes_stay_others(other):
    assert parse_address(other).canonical != parse_address("ann.lee@example.com").canonical


def test_the_canonical_form_is_its_own_canonical_form():
    canonical = parse_address(SPELLINGS[2]).canonical
    assert parse_address(canonical).canonical == canonical


def test_ten_spellings_are_one_account(each_app, client):
    body = {"password": PASSWORD}
    statuses = [client.post("/api/v1/auth/signup", json=body | {"email": email}).status_code for email in SPELLINGS]
    assert statuses == [201] + [409] * 9
    assert sql(each_app, "SELECT count(*) FROM accounts") == [(1,)]


def test_each_spelling_signs_in(each_app, client):
    sign_up(client, email=SPELLINGS[0])
    assert [log_in(client, email=email).status_code for email in SPELLINGS] == [200] * 10


def test_an_accent_is_not_folded_away_by_any_database(each_app, client):
    sign_up(client, email="ann@bücher.com")
    assert log_in(client, email="ann@bucher.com").status_code == 401


@pytest.mark.parametrize("tail", [" ", "\u00a0", "\u3000"])
def test_trailing_blank_does_not_make_another_account(client, tail):
    sign_up(client)
    assert client.post(
        "/api/v1/auth/signup", json={"email": "ann@example.com" + tail, "password": PASSWORD}
    ).status_code in (400, 409)
