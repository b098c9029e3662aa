"""What the kubelet asks: whether the process lives, and whether it can do its work."""

from collections.abc import Callable

from fastapi import FastAPI, Response


def add_health(app: FastAPI, ready: Callable[[], str | None]) -> None:
    """Answer ``/healthz`` and ``/readyz``. ``ready`` gives what is missing, None when nothing is."""

    async def healthz() -> Response:
        return Response("ok", media_type="text/plain")

    async def readyz() -> Response:
        missing = ready()
        return Response(missing or "ok", 200 if missing is None else 503, media_type="text/plain")

    app.add_api_route("/healthz", healthz, methods=["GET"])
    app.add_api_route("/readyz", readyz, methods=["GET"])


def bare_app() -> FastAPI:
    """Give an application without documentation pages."""
    return FastAPI(title="Chaperone", openapi_url=None, docs_url=None, redoc_url=None)
