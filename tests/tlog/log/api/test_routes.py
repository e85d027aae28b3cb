"""A front end has the routes of a log, whoever answers them."""

from types import SimpleNamespace
from typing import cast

from aiohttp import web

from tlog.log.api.routes import build_app
from tlog.log.life import Log
from tlog.log.metrics import LogMetrics
from tlog.log.settings import LogSettings


def routes_of(app: web.Application) -> set[tuple[str, str]]:
    return {
        (route.method, route.resource.canonical)
        for route in app.router.routes()
        if route.resource is not None
    }


async def elsewhere(_: web.Request) -> web.StreamResponse:
    raise AssertionError("nobody is asked")


def test_what_one_process_answers_is_answered_behind_front_ends_too() -> None:
    face = SimpleNamespace(prover=None, gate=None, witnessing=None)
    store = SimpleNamespace(
        store=None, settings=None, metrics=None, clock=None, threads=None, follows=False
    )
    for prefix in ("", "/log"):
        settings = LogSettings(
            sigstore=not prefix, documents=True, explorer=True, prefix=prefix
        )
        log = SimpleNamespace(
            settings=settings,
            metrics=LogMetrics(),
            keys=[SimpleNamespace(key_hash=b"")],
            reading=face,
            submitting=face,
            standing=face,
            documents=store,
        )
        whole = routes_of(build_app(cast(Log, log)))
        log.documents = None
        assert whole == routes_of(build_app(cast(Log, log), elsewhere=elsewhere))
