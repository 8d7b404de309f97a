"""The application class: plain functions are called as they are, and nothing of a request is kept."""

import gc
import weakref

from flask import after_this_request

from app.web.application import Application


def test_only_coroutines_are_converted(monkeypatch):
    app = Application("app")
    monkeypatch.setattr(app, "async_to_sync", lambda func: ("converted", func))

    async def later():
        pass

    def now():
        pass

    assert app.ensure_sync(now) is now
    assert app.ensure_sync(app.test_client) == app.test_client
    assert app.ensure_sync(later) == ("converted", later)


def test_hooks_of_one_request_are_not_kept():
    app, hooks = Application("app"), []

    @app.get("/")
    def view():
        def hook(response):
            return response

        hooks.append(weakref.ref(after_this_request(hook)))
        return "x"

    app.test_client().get("/")
    gc.collect()
    assert [hook() for hook in hooks] == [None]
