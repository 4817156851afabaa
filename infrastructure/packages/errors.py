"""What can go wrong with packages and deployments, in words for the person at the terminal."""

from __future__ import annotations


class PackageError(Exception):
    """An archive cannot be built, or what was built must not be deployed; the message says why and what to do."""


class DeployError(Exception):
    """A deployment cannot be done; the message says why and what to do."""
