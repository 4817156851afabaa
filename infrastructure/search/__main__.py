"""`python -m infrastructure.search create|migrate|status|abandon --stack NAME`: the steps of a deployment that concern the index.

Where the index, the table and the secret are is read from the stack's outputs, with the AWS identity of whoever runs this.
`create` is harmless to repeat. `migrate` goes on where it was interrupted.
"""

from __future__ import annotations

import argparse
import os
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
from infrastructure.search.deployment import Deployment, deployment
from infrastructure.search.indexes import Indexes, SearchError
from infrastructure.search.mapping import Size
from infrastructure.search.migration import Migration
from infrastructure.search.table_rows import TableRows

MAKING = {"create": "make the first index", "migrate": "replace it: filled from the table, compared, moved to"}


def main(argv: list[str] | None = None) -> int:
    """Run one command; return its exit code."""
    arguments = _parser().parse_args(argv)
    try:
        region = _region(arguments.region)
        _do(arguments, deployment(boto3.client("cloudformation", region_name=region), arguments.stack), region)
    except (SearchError, MemorySyncError, BotoCoreError) as error:
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


def _region(given: str | None) -> str:
    """Return the region, and let the adapters go by it too. Raises `SearchError` when nobody names one."""
    # Functions on AWS have the first variable, botocore looks at the other one and at the profile only.
    region: str | None = given or os.environ.get("AWS_REGION") or boto3.Session().region_name
    if region is None:
        msg = "No region is set: name it with --region."
        raise SearchError(msg)
    os.environ["AWS_REGION"] = region
    return region


def _do(arguments: argparse.Namespace, stack: Deployment, region: str) -> None:
    clock = SystemClock()
    engine = Engine(connect(stack.endpoint, region=region), clock)
    indexes = Indexes(engine, DEFAULT_NAME)
    if arguments.command == "status":
        for each in indexes.all().values():
            print(each.name, ", ".join(sorted(each.aliases)) or "no alias", indexes.count(each.name))
        return
    if arguments.command == "create":
        print("Created." if indexes.create(_space(arguments, stack), Size(arguments.shards)) else "It is there already.")
        return
    container = Container(stack.settings)
    index = OpenSearchIndex(engine, lambda tenant_id: container.macs.of(tenant_id).derived("index"), clock)
    migration = Migration(indexes, index, clock, lambda step: print(step, flush=True))
    if arguments.command == "abandon":
        migration.abandon(arguments.index)
    else:
        migration.run(_space(arguments, stack), Size(arguments.shards), TableRows(container.memory_store))


def _space(arguments: argparse.Namespace, stack: Deployment) -> Space:
    return space_of(arguments.model) if arguments.model else stack.space()


if __name__ == "__main__":
    sys.exit(main())
