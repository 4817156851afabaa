"""Which region a command of an operator works in: named, of the environment, or of the AWS profile."""

from __future__ import annotations

import os

import boto3


class NoRegionError(Exception):
    """Nobody named a region; the message says how to."""


def chosen_region(given: str | None = None) -> str:
    """Return the region, and let the adapters go by it too. Raises `NoRegionError` when nobody names one."""
    # Functions on AWS have the first variable, botocore looks at the other one and at the profile only.
    region: str | None = given or os.environ.get("AWS_REGION") or boto3.Session().region_name
    if region is None:
        msg = "No region is set: name it with --region."
        raise NoRegionError(msg)
    os.environ["AWS_REGION"] = region
    return region
