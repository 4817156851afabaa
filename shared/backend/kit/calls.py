"""Calls of a service that speaks AWS JSON, without what botocore's general client does anew for each.

A general client builds a call from a description of the service: it walks the arguments, evaluates the rules of endpoints, writes
down what it is made of, and derives the key that signs. All of that is the same from call to call, and was a third of what a
call took of the processor (docs/performance.md, "What was tried"). What is not the same stays botocore's: hooks that somebody
registered (parameters, tracing, who stands in for the service), credentials and their renewal, connections, certificates,
proxies, and the reading of answers.
"""

# ruff: noqa: SLF001 - the parts of a client have no public names; botocore's version is pinned, and tests hold ours against it
from __future__ import annotations

import json
import zlib
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from hmac import digest
from typing import Any
from urllib.parse import urlsplit

from botocore.awsrequest import AWSPreparedRequest
from botocore.endpoint import convert_to_response_dict
from botocore.exceptions import ChecksumError, NoCredentialsError

from backend.kit.clock import Clock, SystemClock

ALGORITHM = "AWS4-HMAC-SHA256"
_SIGNED = ("content-type", "host")
_SIGNED_TOO = "x-amz-"
_REFUSED = 300
"""HTTP: from here on an answer is no result."""

_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class _Kind:
    """What the calls of one operation have in common."""

    url: str
    host: str
    region: str
    service: str
    headers: Mapping[str, str]


class Calls:
    """Sends calls over the connections and with the credentials of a client of botocore. Safe for threads, as the client is."""

    def __init__(self, client: Any, clock: Clock | None = None) -> None:  # noqa: ANN401 - botocore's clients are made at run time
        self.client = client
        self._clock = clock or SystemClock()
        self._service_id: str = client.meta.service_model.service_id.hyphenize()
        self._kinds: dict[str, _Kind] = {}
        self._derived: tuple[tuple[str, ...], bytes] = ((), b"")

    def call(self, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Send a call once and return its answer, as the client's own method does. Binary values are bytes, times are not known.

        Raises botocore's `ClientError` for what the service refused, and its `BotoCoreError` for what did not get through.
        """
        model = self.client.meta.service_model.operation_model(operation)
        context: dict[str, Any] = {"client_region": self.client.meta.region_name, "client_config": self.client.meta.config}
        told = self._ask("provide-client-params", operation, params=arguments, model=model, context=context)
        arguments = arguments if told is None else told
        kind = self._kinds.get(operation)
        if kind is None:
            kind = self._kinds[operation] = self._kind(model, arguments, context)
        body = json.dumps(arguments, default=_binary).encode()
        headers = {**kind.headers, "Content-Length": str(len(body))}
        request = {"method": "POST", "url": kind.url, "url_path": "/", "headers": headers, "body": body, "context": context}
        self._ask(
            "before-call", operation, model=model, params=request, request_signer=self.client._request_signer, context=context
        )
        self._sign(kind, headers, body)
        # Botocore's own headers do not care about case, at a price; who is asked by a hook writes names as botocore does.
        sent = AWSPreparedRequest("POST", kind.url, headers, body, stream_output=False)  # type: ignore[arg-type] # as above
        received = self._ask("before-send", operation, request=sent) or self.client._endpoint.http_session.send(sent)
        answer = self._read(model, received)
        self._ask("after-call", operation, http_response=received, parsed=answer, model=model, context=context)
        if received.status_code >= _REFUSED:
            code = context.get("error_code_override") or answer.get("Error", {}).get("Code")
            raise self.client.exceptions.from_code(code)(answer, operation)
        return answer

    def _ask(self, event: str, operation: str, **about: Any) -> Any:  # noqa: ANN401 - whatever is registered answers
        """Let those who registered for an event of this call act; return the first answer, if any."""
        answers = self.client.meta.events.emit(f"{event}.{self._service_id}.{operation}", **about)
        return next((answer for _, answer in answers if answer is not None), None)

    def _kind(self, model: Any, arguments: Mapping[str, Any], context: dict[str, Any]) -> _Kind:  # noqa: ANN401 - botocore's description
        """Work out what all calls of an operation have in common: where the rules of endpoints send it, and its headers."""
        url, added, _ = self.client._resolve_endpoint_ruleset(model, arguments, context)
        parts = urlsplit(url)
        default = parts.port in {None, _DEFAULT_PORTS.get(parts.scheme)}
        metadata = model.service_model.metadata
        signing = context.get("signing", {})
        return _Kind(
            url=url if parts.path else f"{url}/",
            host=str(parts.hostname) if default else f"{parts.hostname}:{parts.port}",
            region=signing.get("region", self.client._request_signer.region_name),
            service=signing.get("signing_name", self.client._request_signer.signing_name),
            headers={
                "X-Amz-Target": f"{metadata['targetPrefix']}.{model.name}",
                "Content-Type": f"application/x-amz-json-{metadata['jsonVersion']}",
                "User-Agent": self.client._user_agent_creator.to_string(),
                **{name: ",".join(values) if isinstance(values, list) else values for name, values in (added or {}).items()},
            },
        )

    def _sign(self, kind: _Kind, headers: dict[str, str], body: bytes) -> None:
        """Sign a call (IAM User Guide, "Create a signed AWS API request")."""
        held = self.client._request_signer._credentials
        if held is None:
            raise NoCredentialsError
        credentials = held.get_frozen_credentials()
        moment = f"{self._clock.now():%Y%m%dT%H%M%SZ}"
        headers["X-Amz-Date"] = moment
        if credentials.token:
            headers["X-Amz-Security-Token"] = credentials.token
        signed = {"host": kind.host}
        for name, value in headers.items():
            lowered = name.lower()
            if lowered in _SIGNED or lowered.startswith(_SIGNED_TOO):
                signed[lowered] = " ".join(value.split())
        names = ";".join(sorted(signed))
        lines = "".join(f"{name}:{signed[name]}\n" for name in sorted(signed))
        canonical = f"POST\n{urlsplit(kind.url).path}\n\n{lines}\n{names}\n{sha256(body).hexdigest()}"
        scope = f"{moment[:8]}/{kind.region}/{kind.service}/aws4_request"
        text = f"{ALGORITHM}\n{moment}\n{scope}\n{sha256(canonical.encode()).hexdigest()}"
        signature = digest(self._key(credentials.secret_key, moment[:8], kind), text.encode(), "sha256").hex()
        headers["Authorization"] = (
            f"{ALGORITHM} Credential={credentials.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
        )

    def _key(self, secret: str, day: str, kind: _Kind) -> bytes:
        """Return the key of a day, the same until the day, or the secret, is another."""
        of = (secret, day, kind.region, kind.service)
        derived_of, key = self._derived
        if derived_of != of:
            key = f"AWS4{secret}".encode()
            for part in (day, kind.region, kind.service, "aws4_request"):
                key = digest(key, part.encode(), "sha256")
            self._derived = (of, key)
        return key

    def _read(self, model: Any, received: Any) -> dict[str, Any]:  # noqa: ANN401 - botocore's description and answer
        """Return an answer as botocore reads it. Raises `ChecksumError` for one that was damaged on its way."""
        expected = received.headers.get("x-amz-crc32")
        if expected is not None and str(zlib.crc32(received.content)) != expected:
            raise ChecksumError(
                checksum_type="crc32", expected_checksum=expected, actual_checksum=str(zlib.crc32(received.content))
            )
        endpoint = self.client._endpoint
        parser = endpoint._response_parser_factory.create_parser(model.service_model.resolved_protocol)
        response = convert_to_response_dict(received, model)
        answer: dict[str, Any] = parser.parse(response, model.output_shape)
        if received.status_code >= _REFUSED:
            endpoint._add_modeled_error_fields(response, answer, model, parser)
        return answer


def _binary(value: object) -> str:
    """Return the form that bytes have in JSON. Raises `TypeError` for anything else that JSON has no form for."""
    if isinstance(value, bytes):
        return b64encode(value).decode()
    msg = f"no form for {type(value).__name__}"
    raise TypeError(msg)
