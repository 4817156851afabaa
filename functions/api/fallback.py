"""$default: every path and method without a route of its own."""

from backend.kit.http import create_app, serve
from backend.status.http import METHODS, refuse

app = create_app()
app.api_route("/{path:path}", methods=METHODS, include_in_schema=False)(refuse)
handler = serve(app)
