"""Each of our own rules finds what it is for, and leaves alone what is right."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from infrastructure.gates import semgrep
from infrastructure.gates.programs import ToolError

# For each rule, what it must find, and what it must not: one snippet a line of its own file.
BAD = {
    "constant-time-compare": [
        "if record.mac == due: pass",
        'if item["body_mac"] != given.body_mac: pass',
        "same = signature == made.hexdigest()",
        "if (end.count, end.mac) != (at.count, at.mac): pass",
        "assert expected == api_key",
    ],
    "tenant-in-every-key": [
        'def row_pk(tenant_id, memory_id): return f"M#{memory_id}"',
        'def project_key(tenant_id, project_id): return "PROJECT#" + project_id, "PROJECT"',
        'def chain_name(tenant_id, day): return f"A#{day}"',
        'item = {"pk": f"M#{memory_id}", "sk": "ROW"}',
        'item["pk"] = "M#" + memory_id',
        'found = table.get(f"M#{memory_id}", "ROW")',
        'page = self._table.query(f"L#{key}#{shard}", index="list")',
        'pk = f"I#{record_id}"',
    ],
    "no-text-in-logs": [
        "observability.note(memory_id=memory.text)",
        "note(query=query)",
        'observability.note(asked=f"{question.text}")',
        'logger().info("added", extra={"text": memory.text})',
        'log.warning("refused %s", end_user_id)',
        "print(said)",
        "count(metadata)",
        'log_failure(f"could not embed {text}", error)',
        'observability.note(user=caller.end_user_id, route="add")',
    ],
    "no-text-in-errors": [
        'raise NotFoundError(f"Nothing is like {query!r}.")',
        'msg = f"{text} is too long"',
        'fault = Fault("/text", f"{body.text} is not allowed")',
        "raise InternalError(str(error))",
        'message = f"The service said: {error}"',
        'detail = f"No user {end_user_id}."',
    ],
    "time-comes-from-the-clock": [
        "import time\nnow = time.time()",
        "from datetime import UTC, datetime\nnow = datetime.now(UTC)",
    ],
    "no-naive-datetimes": [
        "from datetime import datetime\nnow = datetime.fromtimestamp(seconds)",
        "bare = moment.replace(tzinfo=None)",
    ],
    "no-sleep": ["import time\ntime.sleep(1)", "from time import sleep\nsleep(1)", "import asyncio\nasyncio.sleep(1)"],
    "ids-come-from-kit": [
        "import uuid\nnew = uuid.uuid4()",
        "import secrets\nnew = secrets.token_hex(8)",
        "import os\nnew = os.urandom(8)",
    ],
    "settings-are-read-in-one-place": ['import os\ntable = os.environ["TABLE"]', 'import os\ntable = os.getenv("TABLE")'],
    "clients-are-made-at-the-seams": [
        'import boto3\nmade = boto3.resource("dynamodb", config=config)',
        'made = session.create_client("sqs", config=config)',
        "import opensearchpy\nmade = opensearchpy.OpenSearch(hosts)",
    ],
    "clients-have-a-configuration": ['import boto3\nmade = boto3.client("sqs")'],
    "calls-have-time-outs": [
        "import requests\nanswer = requests.get(url)",
        "import urllib.request\nanswer = urllib.request.urlopen(url)",
        "answer = self._opener.open(request)",
        "import http.client\nmade = http.client.HTTPSConnection(host)",
        "import httpx\nmade = httpx.Client(timeout=None)",
    ],
    "tables-are-reached-through-the-seam": [
        "client.batch_write_item(RequestItems=items)",
        "self._client.put_item(TableName=name, Item=item)",
    ],
    "index-writes-are-versioned": [
        'action = {"_index": name, "_id": memory_id, "routing": tenant}',
        'action = {"_index": name, "_id": memory_id, "version": 3}',
        'action = {"version_type": "external", "_index": name, "_id": memory_id}',
        'lines = [{"index": {"_id": memory_id}}, document]',
        'lines = [{"delete": {"_id": memory_id, "version": 3}}]',
        'engine.call("PUT", f"/{index}/_doc/{memory_id}", body)',
        'engine.call("PUT", "/" + index + "/_doc/" + memory_id, body, version="3")',
        'self._engine.call("DELETE", f"/{index}/_doc/{memory_id}")',
        'engine.call("POST", f"/{index}/_update_by_query", body, conflicts="proceed")',
        'engine.call("POST", f"/{index}/_update/{memory_id}", body, version="3", version_type="external")',
        'engine.call("PUT", f"/{index}/_create/{memory_id}", body)',
        "client.index(index=name, id=memory_id, body=document)",
        "client.update_by_query(index=name, body=body)",
    ],
}
GOOD = {
    "constant-time-compare": [
        "if hmac.compare_digest(record.mac, due): pass",
        "if mac is None or len(mac) != 32: pass",
        'if kind == "token": pass',
        'unmoved = attribute("mac") == head.mac',
        "if macs_expected == 3: pass",
    ],
    "tenant-in-every-key": [
        'def row_pk(tenant_id, memory_id): return f"M#{tenant_id}#{memory_id}"',
        'def pending_pk(scope_key, memory_id): return f"P#{scope_key}#{shard_of(memory_id)}"',
        'def project_key(tenant_id, project_id): return tenant_partition(tenant_id), "PROJECT#" + project_id',
        'item = {"pk": row_pk(tenant_id, memory_id), "sk": f"EV#{evidence_id}"}',
        'found = table.get(items.row_pk(tenant_id, memory_id), "ROW")',
        "value = settings.get(name)",
    ],
    "no-text-in-logs": [
        "observability.note(memory_id=memory.memory_id, outcome=outcome.value)",
        "count(len(texts))",
        'observability.note(degraded=",".join(found.degraded))',
        'logger().info("added", extra={"request_id": request_id})',
    ],
    "no-text-in-errors": [
        'msg = f"This is {len(text)} bytes; the limit is {MOST}."',
        'msg = f"The index could not be asked: {type(error).__name__}."',
        'raise NotFoundError(f"No memory has the id {memory_id!r}.")',
        'said = f"{memory.speaker}: {memory.text}"',
    ],
    "time-comes-from-the-clock": ["now = self._clock.now()", "import time\nstart = time.perf_counter()"],
    "no-naive-datetimes": ["from datetime import UTC, datetime\nnow = datetime.fromtimestamp(seconds, UTC)"],
    "no-sleep": ["self._clock.sleep(1)"],
    "ids-come-from-kit": ['new = self._ids.new("mem")'],
    "settings-are-read-in-one-place": ["table = self.settings.memories_table"],
    "clients-are-made-at-the-seams": ["made = self._table.seam"],
    "clients-have-a-configuration": ['made = session.create_client("sqs", config=config)'],
    "calls-have-time-outs": [
        "answer = self._opener.open(request, timeout=self._seconds)",
        "import requests\nanswer = requests.get(url, timeout=3)",
        "for table, writes in requests.items(): pass",
    ],
    "tables-are-reached-through-the-seam": ["self._table.put(item)"],
    "index-writes-are-versioned": [
        'action = {"_index": name, "_id": memory_id, "version": 3, "version_type": "external"}',
        'lines = [{"index": {"version": 3, "version_type": "external", "_id": memory_id}}, document]',
        'engine.call("PUT", f"/{index}/_doc/{memory_id}", body, version="3", version_type="external")',
        'found = engine.call("GET", f"/{index}/_doc/{memory_id}")',
        'answer = engine.call("POST", f"/{index}/_delete_by_query", body, conflicts="proceed")',
        'docs = [{"_id": each, "routing": routing} for each in ids]',
        "place = names.index(name)",
    ],
}


def names(snippets: dict[str, list[str]], kind: str) -> list[tuple[str, str, str]]:
    """Return (rule, file, snippet) of each snippet."""
    return [
        (rule, f"shared/backend/{kind}_{rule.replace('-', '_')}_{number}.py", snippet)
        for rule, several in snippets.items()
        for number, snippet in enumerate(several)
    ]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> set[tuple[str, str]]:
    """(rule, file) of what is found in all snippets: one run, because starting takes longer than looking."""
    folder = tmp_path_factory.mktemp("snippets")
    (folder / "shared" / "backend").mkdir(parents=True)
    for _, name, snippet in [*names(BAD, "bad"), *names(GOOD, "good")]:
        (folder / name).write_text(snippet + "\n")
    return {(each.check, each.place.partition(":")[0]) for each in semgrep.findings(folder, ["shared"])}


@pytest.mark.parametrize(("rule", "name", "snippet"), names(BAD, "bad"))
def test_a_rule_finds_what_it_is_for(found: set[tuple[str, str]], rule: str, name: str, snippet: str) -> None:
    assert (rule, name) in found, snippet


@pytest.mark.parametrize(("rule", "name", "snippet"), names(GOOD, "good"))
def test_a_rule_leaves_alone_what_is_right(found: set[tuple[str, str]], rule: str, name: str, snippet: str) -> None:
    assert (rule, name) not in found, snippet


def test_every_rule_has_what_it_finds_and_what_it_leaves_alone() -> None:
    rules = {rule["id"] for path in semgrep.RULES.glob("*.yaml") for rule in yaml.safe_load(path.read_text())["rules"]}

    assert rules == set(BAD) == set(GOOD)


def test_a_line_is_let_off_by_its_rule_only_and_only_while_something_is_found_there(tmp_path: Path) -> None:
    (tmp_path / "shared" / "backend").mkdir(parents=True)
    # Spelt in parts: this file is looked at too, and these lines let off nothing here.
    comment = "# nosem" + "grep: "
    lines = [
        f"import time\ntime.sleep(1)  {comment}no-sleep - on purpose",
        f"time.sleep(1)  {comment}constant-time-compare - another rule",
        f"pass  {comment}no-sleep - nothing is here",
    ]
    (tmp_path / "shared" / "backend" / "waits.py").write_text("\n".join(lines) + "\n")

    assert [(each.check, each.place) for each in semgrep.findings(tmp_path, ["shared"])] == [
        ("constant-time-compare", "shared/backend/waits.py:3"),
        ("no-sleep", "shared/backend/waits.py:3"),
        ("no-sleep", "shared/backend/waits.py:4"),
    ]


def test_a_folder_without_a_file_is_no_clean_one(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()

    with pytest.raises(ToolError):
        semgrep.findings(tmp_path, ["shared"])
