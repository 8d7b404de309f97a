"""The front page."""


def test_the_front_page_leads_to_what_there_is(browser):
    page = browser.get("/").text
    for path in ("/docs", "/dev/mailbox", "/.well-known/jwks.json", "/openapi.json", "/healthz"):
        assert f'href="{path}"' in page


def test_production_has_no_mailbox(build):
    browser = build(production=True).test_client()
    assert "/dev/mailbox" not in browser.get("/").text
    assert browser.get("/dev/mailbox").status_code == 404


def test_every_static_file_that_a_page_names_exists(browser):
    for path in ("/", "/reset-password", "/reset-password/code", "/not-me", "/dev/mailbox"):
        for part in browser.get(path).text.split('"/static/')[1:]:
            with browser.get("/static/" + part.partition('"')[0]) as file:
                assert file.status_code == 200
