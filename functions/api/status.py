"""GET /health, GET /health/ready, GET /version, GET /openapi.json: what the service says of itself, to anyone."""

from backend.kit.http import create_app, serve
from backend.status.http import UNREADY, Health, Readiness, Version, health, openapi, ready, version

app = create_app()
app.get("/health", response_model=Health)(health)
app.get("/health/ready", response_model=Readiness, responses=UNREADY)(ready)
app.get("/version", response_model=Version)(version)
app.get("/openapi.json", response_model=dict[str, object])(openapi)
handler = serve(app)
