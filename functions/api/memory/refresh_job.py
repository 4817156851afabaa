"""GET /memory/refresh/{job_id}: say how far a refresh is."""

from fastapi.responses import JSONResponse

from backend.jobs.http import JobId, Work
from backend.jobs.schemas import JobRead
from backend.kit.http import create_app, refusals, serve
from backend.tenancy.http import Reader

app = create_app()


@app.get("/memory/refresh/{job_id}", response_model=JobRead, responses=refusals())
def get_refresh(job_id: JobId, caller: Reader, work: Work) -> JSONResponse:
    """Say how far a refresh of the end user's memories is."""
    return work.refreshed(caller, job_id)


handler = serve(app)
