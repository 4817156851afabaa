"""What can go wrong with a local stack, in words for the person at the terminal."""

from __future__ import annotations


class LocalStackError(Exception):
    """The local stack cannot do what was asked; the message says why and what to do."""


class NotRunningError(LocalStackError):
    """No emulator runs on this state directory."""


class AlreadyRunningError(LocalStackError):
    """An emulator runs on this state directory already."""


class PortTakenError(LocalStackError):
    """Another process listens on a port that we need."""


class StateError(LocalStackError):
    """The state directory cannot be used: not writable, full, damaged, or made by another version."""


class DeployError(LocalStackError):
    """Building or deploying the template failed."""


class FunctionFailedError(LocalStackError):
    """A function raised. `error_type` is the exception's class, `payload` what the function answered."""

    def __init__(self, function: str, payload: dict[str, object]) -> None:
        self.error_type = str(payload.get("errorType", ""))
        self.payload = payload
        super().__init__(f"Function {function} failed with {self.error_type}.")
