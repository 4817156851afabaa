"""POST /memory/upload: remember what a file says."""

from http import HTTPStatus

from fastapi.responses import JSONResponse

from backend.kit.http import create_app, serve
from backend.memories.http import IdempotencyKey
from backend.memories.upload_http import UPLOADING, MemoryUploaded, Uploaded, Uploads
from backend.tenancy.http import Writer

app = create_app()


@app.post("/memory/upload", status_code=HTTPStatus.MULTI_STATUS, response_model=MemoryUploaded, **UPLOADING)
def upload_file(upload: Uploaded, caller: Writer, key: IdempotencyKey, memories: Uploads) -> JSONResponse:
    """Remember what a file says, part by part where it is long."""
    return memories.upload(caller, upload, key)


handler = serve(app)
