"""Twenty kills of a whole stack take many minutes: they run only when this folder is named (`make test-kills`)."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    places = [config.invocation_params.dir / argument.split("::")[0] for argument in config.args]
    is_named = any(HERE in (place, *place.parents) for place in places)
    return None if is_named or HERE not in (collection_path, *collection_path.parents) else True
