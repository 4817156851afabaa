from typing import Any

import pytest
from ministack.core import lambda_runtime
from ministack.services import apigateway, lambda_svc

from infrastructure.local import patches
from infrastructure.local.launcher import check_emulator
from infrastructure.local.patches import worker_script
from infrastructure.local.patches.patcher import Patcher


class Owner:
    place = "stock"


def test_undoing_puts_the_last_replacement_back_first() -> None:
    patcher = Patcher()
    mapping: dict[str, Any] = {"key": 1}
    patcher.attribute(Owner, "place", "first")
    patcher.attribute(Owner, "place", "second")
    patcher.item(mapping, "key", 2)
    assert (Owner.place, mapping) == ("second", {"key": 2})

    patcher.undo()

    assert (Owner.place, mapping) == ("stock", {"key": 1})


def test_a_patch_whose_place_is_gone_does_not_pass_unseen(patcher: Patcher) -> None:
    with pytest.raises(AttributeError):
        patcher.attribute(Owner, "renamed", 1)
    with pytest.raises(KeyError):
        patcher.item({}, "renamed", 1)
    with pytest.raises(LookupError, match="0 places"):
        worker_script.replace(patcher, "no such line", "")


def test_all_patches_apply_together_to_the_installed_emulator_and_come_off_again() -> None:
    check_emulator()
    before = (
        lambda_runtime._PYTHON_WORKER_SCRIPT,
        lambda_runtime.Worker.invoke,
        apigateway._invoke_lambda_proxy,
        lambda_svc.acquire_worker,
    )
    with Patcher() as patcher:
        patches.apply_all(patcher)
        assert before[0] != lambda_runtime._PYTHON_WORKER_SCRIPT
        compile(lambda_runtime._PYTHON_WORKER_SCRIPT, "worker", "exec")

    after = (
        lambda_runtime._PYTHON_WORKER_SCRIPT,
        lambda_runtime.Worker.invoke,
        apigateway._invoke_lambda_proxy,
        lambda_svc.acquire_worker,
    )
    assert after == before
