"""`python -m infrastructure.search create|migrate|status|abandon`: the steps of a deployment that concern the index.

`create` is harmless to repeat. `migrate` goes on where it was interrupted; it reads the memories table, so it needs the
variables that the functions have (docs/deploy.md).
"""

from __future__ import annotations

import argparse
import os
import sys

from backend.bootstrap import container
from backend.index.opensearch import OpenSearchIndex
from backend.index.opensearch_documents import Space
from backend.index.opensearch_engine import Engine, connect
from backend.index.opensearch_layout import DEFAULT_NAME
from backend.kit.clock import SystemClock
from backend.kit.config import region
from backend.kit.errors import MemorySyncError
from infrastructure.search.indexes import Indexes, SearchError
from infrastructure.search.mapping import Size
from infrastructure.search.migration import Migration
from infrastructure.search.table_rows import TableRows


def main(argv: list[str] | None = None) -> int:
    """Run one command; return its exit code."""
    arguments = _parser().parse_args(argv)
    try:
        _do(arguments)
    except (SearchError, MemorySyncError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def space_of(identity: str) -> Space:
    """Return the space of vectors of a model by the name stored with each vector: `minilm-l6-v2-int8/384`."""
    _, slash, dimension = identity.rpartition("/")
    if not slash or not dimension.isdigit():
        msg = f"{identity!r} is no model: name it as its vectors do, like minilm-l6-v2-int8/384."
        raise SearchError(msg)
    return Space(identity, int(dimension))


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--endpoint", default=os.environ.get("SEARCH_ENDPOINT", ""), help="address of the cluster (SEARCH_ENDPOINT)"
    )
    common.add_argument("--name", default=DEFAULT_NAME, help="what the aliases begin with (%(default)s)")
    whole = argparse.ArgumentParser(prog="python -m infrastructure.search", description="The indexes of OpenSearch.")
    commands = whole.add_subparsers(dest="command", required=True)
    for name, does in (("create", "make the first index"), ("migrate", "replace it: filled from the table, compared, moved to")):
        making = commands.add_parser(name, parents=[common], help=does)
        making.add_argument("--model", required=True, help="as its vectors name it: minilm-l6-v2-int8/384")
        making.add_argument("--shards", type=int, default=1, help="pieces of the index (%(default)s)")
    commands.add_parser("status", parents=[common], help="which indexes there are")
    commands.add_parser("abandon", parents=[common], help="give up a new index").add_argument("index")
    return whole


def _do(arguments: argparse.Namespace) -> None:
    clock = SystemClock()
    engine = Engine(connect(arguments.endpoint, region=region()), clock)
    indexes = Indexes(engine, arguments.name)
    if arguments.command == "status":
        for each in indexes.all().values():
            print(each.name, ", ".join(sorted(each.aliases)) or "no alias", indexes.count(each.name))
        return
    if arguments.command == "create":
        space = space_of(arguments.model)
        print("Created." if indexes.create(space, Size(arguments.shards)) else "It is there already.")
        return
    index = OpenSearchIndex(engine, _key_of, clock, name=arguments.name)
    migration = Migration(indexes, index, clock, lambda step: print(step, flush=True))
    if arguments.command == "abandon":
        migration.abandon(arguments.index)
    else:
        migration.run(space_of(arguments.model), Size(arguments.shards), TableRows(container().memory_store))


def _key_of(tenant_id: str) -> bytes:
    return container().macs.of(tenant_id).derived("index")


if __name__ == "__main__":
    sys.exit(main())
