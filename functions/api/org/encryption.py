"""GET /org/encryption: list the versions of the tenant's data key."""

from fastapi.responses import JSONResponse

from backend.jobs.http import Owner, Work
from backend.jobs.schemas import EncryptionRead
from backend.kit.http import create_app, refusals, serve

app = create_app()


@app.get("/org/encryption", response_model=EncryptionRead, responses=refusals())
def show_encryption(caller: Owner, work: Work) -> JSONResponse:
    """List the versions of the tenant's data key, never a key, and the re-encryption that is at work."""
    return work.encryption(caller)


handler = serve(app)
