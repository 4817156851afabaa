"""Gap: the `Body` of AWS::ApiGatewayV2::Api is dropped, so an AWS::Serverless::HttpApi deploys and answers 404 everywhere.

SAM writes the routes, integrations, CORS and tags of an HttpApi into an OpenAPI document in `Body`, with the extensions
of https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions.html. This patch imports it
whenever the API is created or updated. The tag `ms-custom-id` (8 hexadecimal digits) fixes the API's id.
"""

# ruff: noqa: SLF001 - the emulator has no public seams; its version is pinned
from __future__ import annotations

import re
from typing import Any

from ministack.core.responses import new_uuid
from ministack.services import apigateway
from ministack.services.cloudformation import provisioners

from infrastructure.local.patches.patcher import Patcher

Json = dict[str, Any]

RESOURCE = "AWS::ApiGatewayV2::Api"
ANY = "x-amazon-apigateway-any-method"
METHODS = frozenset({"get", "put", "post", "delete", "patch", "head", "options", ANY})
_FUNCTION = re.compile(r"/functions/(?P<arn>.+)/invocations$")


def apply(patcher: Patcher) -> None:
    """Import `Body` on create and on update."""
    stock = provisioners._RESOURCE_HANDLERS[RESOURCE]

    def create(logical_id: str, props: Json, stack_name: str) -> Any:  # noqa: ANN401 - the emulator's own result
        result = stock["create"](logical_id, with_tags(props), stack_name)
        import_body(result[0], props)
        return result

    def update(physical_id: str, old: Json, new: Json, stack_name: str, logical_id: str | None = None) -> Any:  # noqa: ANN401 - the emulator's own result
        result = stock["update"](physical_id, with_tags(old), with_tags(new), stack_name, logical_id)
        import_body(result[0], new)
        return result

    patcher.item(provisioners._RESOURCE_HANDLERS, RESOURCE, {**stock, "create": create, "update": update})


def with_tags(props: Json) -> Json:
    """Return the properties with the document's tags among their own: the emulator reads the fixed id from there."""
    named = {tag["name"]: tag.get("x-amazon-apigateway-tag-value", "") for tag in (props.get("Body") or {}).get("tags", [])}
    return {**props, "Tags": {**named, **(props.get("Tags") or {})}}


def import_body(api_id: str, props: Json) -> None:
    """Replace the API's routes and integrations by those of the document, and its CORS rules.

    Raises `ValueError` for a route with a gateway authorizer: serving it without would open it.
    """
    body = props.get("Body")
    if not body:
        return
    cors = props.get("CorsConfiguration") or body.get("x-amazon-apigateway-cors")
    if isinstance(cors, dict):
        apigateway._apis[api_id]["corsConfiguration"] = {key[0].lower() + key[1:]: value for key, value in cors.items()}
    routes: Json = {}
    integrations: Json = {}
    for path, operations in (body.get("paths") or {}).items():
        for method, operation in operations.items():
            if method not in METHODS or "x-amazon-apigateway-integration" not in operation:
                continue
            key = route_key(path, method)
            if operation.get("security"):
                message = f"route {key!r} has a gateway authorizer, which the local stack does not import"
                raise ValueError(message)
            integration_id, route_id = new_uuid()[:8], new_uuid()[:8]
            integrations[integration_id] = {
                "integrationId": integration_id,
                **provisioners._apigw_v2_integration_props(integration(operation["x-amazon-apigateway-integration"])),
            }
            target = {"RouteKey": key, "Target": f"integrations/{integration_id}"}
            routes[route_id] = {"routeId": route_id, **provisioners._apigw_v2_route_props(target)}
    apigateway._integrations[api_id] = integrations
    apigateway._routes[api_id] = routes


def route_key(path: str, method: str) -> str:
    """Return the route key of an operation: `GET /memory/{id}`, `ANY /v1/entities`, `$default`."""
    if path.lstrip("/") == "$default":
        return "$default"
    return f"{'ANY' if method == ANY else method.upper()} {path}"


def integration(extension: Json) -> Json:
    """Return the properties of AWS::ApiGatewayV2::Integration that the extension stands for."""
    uri = extension["uri"]
    function = _FUNCTION.search(uri)
    return {
        "IntegrationUri": function["arn"] if function else uri,
        "PayloadFormatVersion": extension.get("payloadFormatVersion", "2.0"),
        "TimeoutInMillis": extension.get("timeoutInMillis", 30_000),
    }
