"""Whether a port is free, and who has it when it is not."""

from __future__ import annotations

import errno
import socket
from pathlib import Path

from infrastructure.local.errors import PortTakenError

_LISTEN = "0A"


def check_free(port: int, option: str, variable: str) -> None:
    """Raise `PortTakenError`, naming who has it and how to choose another, when `port` cannot be listened on."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen()
        except OSError as error:
            if error.errno not in {errno.EADDRINUSE, errno.EACCES}:
                raise
            reason = f"is taken{holder(port)}" if error.errno == errno.EADDRINUSE else "may not be used by this account"
            message = f"Port {port} {reason}. Choose another with {option} or {variable}, or stop what uses it."
            raise PortTakenError(message) from error


def holder(port: int, processes: Path = Path("/proc")) -> str:
    """Return ` by process 123 (name)` for who listens on a port, as far as the system tells; else nothing."""
    sockets = _listening_sockets(port, processes)
    if not sockets:
        return ""
    for entry in processes.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if any(str(item.readlink()) in sockets for item in (entry / "fd").iterdir()):
                command = (entry / "comm").read_text().strip()
                return f" by process {entry.name} ({command})"
        except OSError:  # the process is gone, or not ours to look into
            continue
    return ""


def _listening_sockets(port: int, processes: Path) -> set[str]:
    """Return the names that descriptors have for sockets listening on a port: `socket:[inode]`."""
    found = set()
    for table in ("tcp", "tcp6"):
        try:
            lines = (processes / "net" / table).read_text().splitlines()[1:]
        except OSError:  # not Linux
            continue
        for fields in map(str.split, lines):
            if fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                found.add(f"socket:[{fields[9]}]")
    return found
