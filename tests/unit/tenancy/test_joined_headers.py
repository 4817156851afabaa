"""A header that came twice is never read as somebody else's."""

from __future__ import annotations

import pytest
from fastapi import Request

from backend.kit.errors import ValidationFailedError
from backend.tenancy.http import credentials_of
from backend.tenancy.model import END_USER_HEADER


def request(end_user: str) -> Request:
    """Return a request as the gateway hands it over: what came twice is one header, joined with a comma."""
    headers = [(END_USER_HEADER.lower().encode(), end_user.encode())]
    return Request({"type": "http", "method": "GET", "path": "/", "headers": headers})


@pytest.mark.parametrize("joined", ["u1,u2", "u1, u1", "u1,"])
def test_two_end_users_in_one_header_are_nobody(joined: str) -> None:
    with pytest.raises(ValidationFailedError) as refused:
        credentials_of(request(joined))

    [fault] = refused.value.faults
    assert fault.pointer == f"header:{END_USER_HEADER}"
    assert "once" in fault.detail
    assert joined not in f"{refused.value} {fault.detail}"


def test_an_id_with_a_comma_comes_encoded() -> None:
    assert credentials_of(request("UTF-8''CN%3DAda%2COU%3DSales")).end_user_id == "CN=Ada,OU=Sales"
