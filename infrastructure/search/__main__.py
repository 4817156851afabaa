"""`python -m infrastructure.search create|migrate|status|abandon --stack NAME`: the steps of a deployment that concern the index.

Where the index, the table and the secret are is read from the stack's outputs, with the AWS identity of whoever runs this.
`create` is harmless to repeat. `migrate` goes on where it was interrupted.
"""

from __future__ import annotations

import argparse
import sys

import boto3
from botocore.exceptions import BotoCoreError

from backend.bootstrap import Container
from backend.index.opensearch import OpenSearchIndex
from backend.index.opensearch_documents import Space
from backend.index.opensearch_engine import Engine, connect
from backend.index.opensearch_layout import DEFAULT_NAME
from backend.kit.clock import SystemClock
from backend.kit.errors import MemorySyncError
from infrastructure.region import NoRegionError, chosen_region
from infrastructure.search.deployment import Deployment, deployment
from infrastructure.search.indexes import Indexes, SearchError
from infrastructure.search.mapping import Size
from infrastructure.search.migration import Migration
from infrastructure.search.table_rows import TableRows

_LEFT_OUT = "run the release that wrote them, or mend them, then call RebuildIndex with their ids (docs/operations.md)."
MAKING = {"create": "make the first index", "migrate": "replace it: filled from the table, compared, moved to"}


def main(argv: list[str] | None = None) -> int:
    """Run one command; return its exit code, which is 1 too for a migration that had to leave rows out."""
    arguments = _parser().parse_args(argv)
    try:
        region = chosen_region(arguments.region)
        unread = _do(arguments, deployment(boto3.client("cloudformation", region_name=region), arguments.stack), region)
    except (SearchError, NoRegionError, MemorySyncError, BotoCoreError) as error:
        print(error, file=sys.stderr)
        return 1
    if unread:
        print(f"{unread} rows could not be read and are not found: {_LEFT_OUT}", file=sys.stderr)
    return int(unread > 0)


def space_of(identity: str) -> Space:
    """Return the space of vectors of a model by the name stored with each vector: `minilm-l6-v2-int8/384`."""
    _, slash, dimension = identity.rpartition("/")
    if not slash or not dimension.isdigit():
        msg = f"{identity!r} is no model: name it as its vectors do, like minilm-l6-v2-int8/384."
        raise SearchError(msg)
    return Space(identity, int(dimension))


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--stack", required=True, help="name of the CloudFormation stack")
    common.add_argument("--region", help="its region; else that of the AWS settings")
    whole = argparse.ArgumentParser(prog="python -m infrastructure.search", description="The indexes of OpenSearch.")
    commands = whole.add_subparsers(dest="command", required=True)
    for name, does in MAKING.items():
        making = commands.add_parser(name, parents=[common], help=does)
        making.add_argument("--model", help="as its vectors name it (minilm-l6-v2-int8/384); else that of the stack's embedder")
        making.add_argument("--shards", type=int, default=1, help="pieces of the index (%(default)s)")
    commands.add_parser("status", parents=[common], help="which indexes there are")
    commands.add_parser("abandon", parents=[common], help="give up a new index").add_argument("index")
    return whole


def _do(arguments: argparse.Namespace, stack: Deployment, region: str) -> int:
    """Run one command; return how many rows a migration could not read."""
    clock = SystemClock()
    engine = Engine(connect(stack.endpoint, region=region), clock)
    indexes = Indexes(engine, DEFAULT_NAME)
    if arguments.command == "status":
        for each in indexes.all().values():
            print(each.name, ", ".join(sorted(each.aliases)) or "no alias", indexes.count(each.name))
        return 0
    if arguments.command == "create":
        print("Created." if indexes.create(_space(arguments, stack), Size(arguments.shards)) else "It is there already.")
        return 0
    container = Container(stack.settings)
    index = OpenSearchIndex(engine, lambda tenant_id: container.macs.of(tenant_id).derived("index"), clock)
    migration = Migration(indexes, index, clock, lambda step: print(step, flush=True))
    if arguments.command == "abandon":
        migration.abandon(arguments.index)
        return 0
    return migration.run(_space(arguments, stack), Size(arguments.shards), TableRows(container.memory_store))


def _space(arguments: argparse.Namespace, stack: Deployment) -> Space:
    return space_of(arguments.model) if arguments.model else stack.space()


if __name__ == "__main__":
    sys.exit(main())
