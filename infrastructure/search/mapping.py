"""What an index is made of. Strict: a field that is not here is refused, never guessed.

Only what searches ask for is held; a new question means a new mapping version and an index filled anew from the table.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from backend.index.opensearch_documents import Space
from backend.index.opensearch_layout import MAPPING_VERSION

NEIGHBOURS = 16
"""Edges of a node of the graph (m)."""
CARE = 100
"""How many candidates are weighed for each edge (ef_construction)."""

_KEYWORD = {"type": "keyword"}
_FILTER = {"type": "keyword", "doc_values": False}
_NUMBER = {"type": "long"}
_FLAG = {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class Size:
    """How an index is spread: `shards` cannot be changed later; 10 to 50 GB each is what AWS advises."""

    shards: int = 1


def index_name(name: str, space: Space) -> str:
    """Return the name: model, dimension and mapping version are in it, so another of any of them is another index."""
    model = re.sub(r"[^a-z0-9]+", "-", space.model.lower()).strip("-")
    return f"{name}-{model}-{space.dimension}-v{MAPPING_VERSION}"


def index_body(space: Space, size: Size) -> dict[str, Any]:
    """Return settings and mapping of an index for vectors of this model and dimension."""
    return {
        "settings": {
            "index": {
                "knn": True,
                "number_of_shards": size.shards,
                "auto_expand_replicas": "0-1",  # one copy more as soon as there is a second node
                "refresh_interval": "1s",
                # Entries are deleted only when nothing older can come, so versions of deleted ones need not be remembered.
                "gc_deletes": "0s",
                # `expunge` rewrites every file that holds something deleted, however little of it that is.
                "merge.policy.expunge_deletes_allowed": 0,
            }
        },
        "mappings": {
            "dynamic": "strict",
            "_meta": {"model": space.model, "dimension": space.dimension, "mapping_version": MAPPING_VERSION},
            "_routing": {"required": True},
            # For reading tombstones by their ids; searches read columns.
            "_source": {"includes": ["kind", "scope", "memory_id", "row_version", "recorded_at"]},
            "properties": {
                "kind": _KEYWORD,
                "tenant": _KEYWORD,
                "scope": _KEYWORD,
                "memory_id": _KEYWORD,
                "revision": _NUMBER,
                "chunk": _NUMBER,
                "row_version": _NUMBER,
                "recorded_at": _NUMBER,
                "tier": {"type": "keyword", "index": False},
                "created_at": _NUMBER,
                "said_at": _NUMBER,
                "valid_from": _NUMBER,
                "valid_until": _NUMBER,
                "known_from": _NUMBER,
                "known_until": _NUMBER,
                "expires_at": _NUMBER,
                "active": _FLAG,
                "current": _FLAG,
                "summary": _FLAG,
                "session": _KEYWORD,
                "facets": _FILTER,
                "words": _FILTER,
                "counts": {"type": "long", "index": False},
                "length": _NUMBER,
                "traits": {"type": "integer", "index": False},
                "vector": {
                    "type": "knn_vector",
                    "dimension": space.dimension,
                    "method": {
                        "name": "hnsw",
                        "engine": "lucene",
                        # The cosine of unit vectors; unlike `cosinesimil` it takes a vector of zeros.
                        "space_type": "innerproduct",
                        "parameters": {"m": NEIGHBOURS, "ef_construction": CARE},
                    },
                },
            },
        },
    }
