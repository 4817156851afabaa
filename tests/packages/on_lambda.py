"""Runs a program as Lambda would: its Python, /var/task and /opt/python on the path, and nothing else of this machine."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

# -I and -S keep out the environment, the user's and the interpreter's own site-packages; the standard library stays.
ISOLATED = ("-I", "-S", "-W", "error::ImportWarning")
ENVIRONMENT = {
    "AWS_LAMBDA_FUNCTION_NAME": "memorysync",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
    "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
    "AWS_REGION": "eu-central-1",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "LANG": "en_US.UTF-8",
    "TZ": ":UTC",
}
PATH = (
    "import json, sys; task, opt, given = sys.argv[1], sys.argv[2], sys.argv[3:]; sys.path[:0] = [task, opt + '/python', opt]\n"
)


def run(python: Path, task: Path, opt: Path, program: str, *arguments: str, cache: Path, **environment: str) -> Any:
    """Run the program, which finds its arguments in `given`, and return the JSON that it prints last.

    `cache` takes the bytecode, so that the unpacked archives stay as they are.
    """
    command = [str(python), *ISOLATED, "-X", f"pycache_prefix={cache}", "-c", PATH + program, str(task), str(opt), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**ENVIRONMENT, **environment}, cwd=task)
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])
