"""The OpenSearch domain: how it is kept, who may come in, and that each function may make the calls that it makes."""

from __future__ import annotations

import re
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

import pytest

from backend.index.opensearch import OpenSearchIndex
from backend.index.opensearch_layout import DEFAULT_NAME, write_alias
from tests.contract.index.index_cases import ANA, document, question, tombstone
from tests.contract.tree.chosen_template import CHOICES, chosen, chosen_properties
from tests.contract.tree.test_tree_permissions import allowed, role_of
from tests.contract.tree.written_rights import WITH_A_DOMAIN
from tests.support.tables import template
from tests.unit.index.loopback_opensearch import World, item, serving

DOMAIN = "AWS::OpenSearchService::Domain"
MAKES_ONE = {"own domain", "three nodes", "bedrock"}
OWN = "own domain"


def domain(choice: str = OWN) -> dict[str, Any]:
    [found] = chosen_properties(choice, DOMAIN).values()
    return found


@pytest.mark.parametrize("choice", CHOICES)
def test_a_domain_is_made_where_no_other_index_is_named(choice: str) -> None:
    assert len(chosen_properties(choice, DOMAIN)) == (choice in MAKES_ONE)


def test_the_domain_runs_the_engine_that_the_index_is_tested_on() -> None:
    assert domain()["EngineVersion"] == "OpenSearch_2.19"
    assert chosen(OWN)["Resources"]["SearchDomain"]["UpdatePolicy"] == {"EnableVersionUpgrade": True}


def test_the_domain_is_encrypted_at_rest_between_its_nodes_and_on_the_way_to_it() -> None:
    assert domain()["EncryptionAtRestOptions"] == {"Enabled": True, "KmsKeyId": {"Fn::GetAtt": ["DataKey", "Arn"]}}
    assert domain()["NodeToNodeEncryptionOptions"] == {"Enabled": True}
    assert domain()["DomainEndpointOptions"] == {"EnforceHTTPS": True, "TLSSecurityPolicy": "Policy-Min-TLS-1-2-PFS-2023-10"}


def test_the_key_lets_the_service_use_it_for_the_domain_and_for_nothing_else() -> None:
    [key] = chosen_properties(OWN, "AWS::KMS::Key").values()
    [statement] = [each for each in key["KeyPolicy"]["Statement"] if "kms:CreateGrant" in each["Action"]]

    assert set(statement["Action"]) == {"kms:CreateGrant", "kms:DescribeKey"}
    assert statement["Condition"]["Bool"] == {"kms:GrantIsForAWSResource": True}
    assert statement["Condition"]["StringEquals"]["kms:ViaService"] == {"Fn::Sub": "es.${AWS::Region}.amazonaws.com"}
    assert statement["Condition"]["StringEquals"]["kms:CallerAccount"] == {"Ref": "AWS::AccountId"}


def test_only_signed_requests_of_the_account_come_in_and_none_that_configures_the_domain() -> None:
    [statement] = domain()["AccessPolicies"]["Statement"]

    assert statement["Principal"] == {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}}
    assert {action.partition("ESHttp")[0] for action in statement["Action"]} == {"es:"}
    assert "${AWS::AccountId}:domain/" in statement["Resource"]["Fn::Sub"]


def test_one_node_is_enough_to_begin_and_more_stand_in_three_zones() -> None:
    count = template()["Parameters"]["SearchInstanceCount"]

    assert domain()["ClusterConfig"] == {
        "InstanceType": {"Ref": "SearchInstanceType"},
        "InstanceCount": {"Ref": "SearchInstanceCount"},
        "ZoneAwarenessEnabled": False,
    }
    assert domain("three nodes")["ClusterConfig"]["ZoneAwarenessEnabled"] is True
    assert domain("three nodes")["ClusterConfig"]["ZoneAwarenessConfig"] == {"AvailabilityZoneCount": 3}
    assert [each for each in count["AllowedValues"] if each != 1 and each % 3] == []


@pytest.mark.parametrize(
    ("endpoint", "is_taken"),
    [
        ("", True),
        ("file:///var/index.db", True),
        ("https://search-x-abc.eu-west-1.es.amazonaws.com", True),
        ("http://127.0.0.1:9200", True),
        ("http://search.example:9200", False),
        ("http://localhost:9200", False),
        ("http://127.0.0.1.example:9200", False),
        ("https://admin:pass@search.example", False),
        ("https://search.example/prefix", False),
        ("search.example", False),
        ("https://aoss.example", True),
        ("https://x.us-east-1.aoss.amazonaws.com", False),
        ("https://x.AOSS.us-east-1.on.aws/", False),
    ],
)
def test_an_address_that_could_not_serve_is_refused_before_anything_is_made(endpoint: str, *, is_taken: bool) -> None:
    pattern = template()["Parameters"]["SearchEndpoint"]["AllowedPattern"]

    assert bool(re.fullmatch(pattern, endpoint)) is is_taken


def test_who_names_a_serverless_collection_is_told_why_not() -> None:
    assert "Serverless" in template()["Parameters"]["SearchEndpoint"]["ConstraintDescription"]


def test_the_name_of_a_domain_without_its_address_is_refused() -> None:
    rule = template()["Rules"]["SearchDomainHasAnAddress"]
    [assertion] = rule["Assertions"]

    assert rule["RuleCondition"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "SearchDomainName"}, "none"]}]}
    assert assertion["Assert"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "SearchEndpoint"}, ""]}]}
    assert template()["Parameters"]["SearchDomainName"]["Default"] == "none"


# What the adapter asks for, held against what the functions may ask for.


def searches(index: OpenSearchIndex) -> None:
    index.search(ANA, question("boat"), [document("m2")])
    index.versions(ANA, ["m1"])


def writes(index: OpenSearchIndex) -> None:
    index.write("acme", [document("m1"), tombstone("m2")])


def purges(index: OpenSearchIndex) -> None:
    index.purge_tombstones(0)


def checks(index: OpenSearchIndex) -> None:
    index.check()


DOES: dict[str, tuple[Callable[[OpenSearchIndex], None], ...]] = {
    **dict.fromkeys(("QueryMemories", "RetrieveMemories", "ExplainMemory", "SearchRouted"), (searches,)),
    **dict.fromkeys(("ComposePrompt", "SynthesizeAnswer", "RecallMemories", "QueryTurns"), (searches,)),
    "Status": (checks,),
    "ProjectChanges": (writes,),
    "SweepPending": (writes,),
    "RebuildIndex": (writes,),
    "PurgeTombstones": (purges,),
}


def asked(*does: Callable[[OpenSearchIndex], None]) -> set[str]:
    """Return what is asked of the engine, `es:ESHttpPost /_bulk`: documents come late, tombstones cover some."""
    with serving() as server:
        world = World(server)
        server.tell("/_delete_by_query", *[(200, {"timed_out": False, "failures": [], "deleted": 0, "total": 0})] * 2)
        server.tell("/_bulk", (200, {"items": [item(201)]}), (200, {"items": [item(409)]}))
        for do in does:
            do(world.index)
        world.client.close()
        paths = {(request.method, request.path.partition("?")[0]) for request in server.requests}
    assert paths
    return {f"es:ESHttp{method.capitalize()} {path.replace('/one/', f'/{DEFAULT_NAME}-one/')}" for method, path in paths}


def test_every_function_with_a_right_to_the_index_is_looked_at() -> None:
    assert set(DOES) == set(WITH_A_DOMAIN)


@pytest.mark.parametrize("function", DOES)
def test_a_function_may_make_every_call_that_it_makes(function: str) -> None:
    rights = {entry.replace(" SearchDomain", " ") for entry in allowed(role_of(function, OWN), OWN) if entry.startswith("es:")}
    unmet = {call for call in asked(*DOES[function]) if not any(fnmatchcase(call, right) for right in rights)}

    assert unmet == set()


def test_every_right_to_the_index_is_used_by_some_function() -> None:
    rights = {each.format("") for entries in WITH_A_DOMAIN.values() for each in entries}
    calls = set().union(*(asked(*does) for does in DOES.values()))

    assert {right for right in rights if not any(fnmatchcase(call, right) for call in calls)} == set()
    assert f"es:ESHttpGet /{write_alias(DEFAULT_NAME)}" in rights
