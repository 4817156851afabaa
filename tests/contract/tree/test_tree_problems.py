"""Every error has a status, and users can look up every problem that they may get."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from http import HTTPStatus
from pathlib import Path

import pytest

import backend
from backend.kit import errors
from backend.kit.errors import InternalError, MemorySyncError, slug_of
from backend.kit.problems import STATUS_OF, status_of

ROOT = Path(__file__).resolve().parents[3]
GUIDE = ROOT / "docs" / "api.md"

# Branches of the tree: what is raised is one of their leaves.
NEVER_RAISED = {errors.MemorySyncError, errors.InvalidRequestError, errors.NotFoundError}
# Raised to operators, whom no route serves.
OPERATORS_ONLY = {errors.TenantNotFoundError, errors.KeyNotFoundError}
PUBLIC: set[type[MemorySyncError]] = {
    each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, MemorySyncError)
}
PUBLIC -= NEVER_RAISED | OPERATORS_ONLY

ORDERED: list[type[MemorySyncError]] = sorted(PUBLIC, key=slug_of)

each_public = pytest.mark.parametrize("error", ORDERED, ids=slug_of)


def every_error() -> set[type[MemorySyncError]]:
    """Return the whole tree, wherever in the backend its leaves are."""
    for module in pkgutil.walk_packages(backend.__path__, "backend."):
        importlib.import_module(module.name)
    found, waiting = {MemorySyncError}, [MemorySyncError]
    while waiting:
        below = [each for each in waiting.pop().__subclasses__() if each.__module__.startswith("backend.")]
        found.update(below)
        waiting += below
    return found


def raised_names() -> set[str]:
    """Return every name in the backend that is called, raised or handed on: `raise X`, `X(...)`, `raise X from y`."""
    names: set[str] = set()
    for path in (ROOT / "shared" / "backend").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            raised = node.exc if isinstance(node, ast.Raise) else node.func if isinstance(node, ast.Call) else None
            if isinstance(raised, ast.Attribute | ast.Name):
                names.add(raised.attr if isinstance(raised, ast.Attribute) else raised.id)
    return names


def test_every_error_has_a_status_that_is_a_refusal() -> None:
    tree = every_error() - {MemorySyncError}

    assert len(tree) > len(PUBLIC)
    for error in tree:
        assert status_of(error) >= HTTPStatus.BAD_REQUEST, error.__name__


def test_no_status_is_given_to_what_is_not_one_of_our_errors() -> None:
    assert set(STATUS_OF) <= every_error()


def test_branches_of_the_tree_are_never_raised_themselves() -> None:
    assert {each.__name__ for each in NEVER_RAISED} & raised_names() == set()


def test_every_leaf_of_the_tree_is_raised_somewhere() -> None:
    assert {each.__name__ for each in PUBLIC | OPERATORS_ONLY} - raised_names() == set()


def test_no_two_errors_have_one_name_on_the_wire() -> None:
    slugs = [slug_of(each) for each in every_error()]

    assert sorted(slugs) == sorted(set(slugs))


def test_every_name_on_the_wire_is_in_kebab_case() -> None:
    assert [slug for slug in map(slug_of, every_error()) if not re.fullmatch(r"[a-z]+(-[a-z]+)*", slug)] == []


@each_public
def test_the_guide_to_the_api_lists_the_problem_with_its_status(error: type[MemorySyncError]) -> None:
    rows = [line for line in GUIDE.read_text().splitlines() if re.search(rf"(?<![\w-]){slug_of(error)}(?![\w-])", line)]

    assert any(re.search(rf"(?<!\d){status_of(error).value}(?!\d)", row) for row in rows), slug_of(error)


def test_internal_errors_are_told_under_one_name() -> None:
    internal = {each for each in every_error() - {MemorySyncError} if status_of(each) is HTTPStatus.INTERNAL_SERVER_ERROR}

    assert {each for each in internal if not issubclass(each, InternalError)} == set()
