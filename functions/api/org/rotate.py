"""POST /org/encryption/rotate: make a new data key, and seal everything again under it."""

from http import HTTPStatus
from typing import Annotated

from fastapi import Body
from fastapi.responses import JSONResponse

from backend.jobs.http import BEGIN_ANSWERS, Owner, Work
from backend.jobs.schemas import KeyRotated, KeyRotation
from backend.kit.http import create_app, serve
from backend.memories.http import IdempotencyKey

app = create_app()
Asked = Annotated[KeyRotation, Body(default_factory=KeyRotation)]


@app.post("/org/encryption/rotate", status_code=HTTPStatus.ACCEPTED, response_model=KeyRotated, responses=BEGIN_ANSWERS)
def rotate_key(body: Asked, caller: Owner, key: IdempotencyKey, work: Work) -> JSONResponse:
    """Make a new data key for the tenant, and begin to seal all of its memories again under it."""
    return work.rotate(caller, body, key)


handler = serve(app)
