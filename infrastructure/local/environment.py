"""The environment of our child processes, built from nothing: the user's own AWS, proxy and Python settings stay outside."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from infrastructure.local.stack import Stack

REGION = "us-east-1"
KEPT = ("HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TERM", "TZ", "LD_LIBRARY_PATH")
IDLE_WORKER_SECONDS = 60
"""How long an extra worker of a function may sit idle; the first one stays."""


def child_environment(stack: Stack) -> dict[str, str]:
    """Return the environment of the emulator, of its workers and of the SAM CLI.

    Python's bytecode is cached (PYTHONDONTWRITEBYTECODE is not passed on): a cold start without it takes seconds.
    """
    programs = str(Path(sys.executable).parent)
    directory = stack.directory
    return {
        **{name: os.environ[name] for name in KEPT if name in os.environ},
        "PATH": os.pathsep.join(part for part in (programs, os.environ.get("PATH", os.defpath)) if part),
        "TMPDIR": str(directory / "tmp"),
        "NO_PROXY": "127.0.0.1,localhost",
        "PYTHONUNBUFFERED": "1",
        **_aws(stack.endpoint),
        **_emulator(stack),
        **_sam(directory),
    }


def _aws(endpoint: str) -> dict[str, str]:
    """Return what makes every SDK speak to the emulator, as the account's root, whatever files the user has."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_XRAY_SDK_ENABLED": "false",
        "POWERTOOLS_TRACE_DISABLED": "true",
    }


def _emulator(stack: Stack) -> dict[str, str]:
    """Return what MiniStack reads: loopback, roles enforced, state kept, nothing that we do not use."""
    return {
        "AUTH": "true",
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(stack.port),
        "MINISTACK_REGION": REGION,
        "PERSIST_STATE": "1",
        "STATE_DIR": str(stack.directory / "emulator"),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(stack.directory / "s3"),
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "LAMBDA_EXECUTOR": "local",
        "LAMBDA_WARM_TTL_SECONDS": str(IDLE_WORKER_SECONDS),
        "DOCKER_HOST": f"unix://{stack.directory}/no-docker.sock",
    }


def _sam(directory: Path) -> dict[str, str]:
    """Return what the SAM CLI and the layers' Makefiles read: no telemetry, quick polls, layers built empty."""
    return {
        "SAM_CLI_TELEMETRY": "0",
        "SAM_CLI_POLL_DELAY": "0.2",
        "__SAM_CLI_APP_DIR": str(directory / "sam"),
        "LAYER_DEPS": "host",
    }
