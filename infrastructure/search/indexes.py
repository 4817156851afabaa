"""Creating an index behind its aliases, and what is there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from backend.index.opensearch_documents import Kind, Space
from backend.index.opensearch_engine import Engine
from backend.index.opensearch_layout import read_alias, write_alias
from infrastructure.search.mapping import Size, index_body, index_name


class SearchError(Exception):
    """A step cannot be taken; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Index:
    """One index: what it is, which aliases it has, and what a migration noted in it."""

    name: str
    aliases: frozenset[str]
    meta: Mapping[str, Any]


class Indexes:
    """The indexes of one name on one cluster."""

    def __init__(self, engine: Engine, name: str) -> None:
        self._engine = engine
        self.name = name

    def all(self) -> dict[str, Index]:
        """Return every index of this name, with aliases or without."""
        answer = self._engine.call("GET", f"/{self.name}-*", ignore_unavailable="true", allow_no_indices="true")
        return {
            index: Index(index, frozenset(said["aliases"]), said.get("mappings", {}).get("_meta", {}))
            for index, said in answer.items()
        }

    def read(self) -> Index | None:
        """Return the index that searches ask."""
        return next((each for each in self.all().values() if read_alias(self.name) in each.aliases), None)

    def written(self) -> set[str]:
        """Return the indexes that writes go to."""
        return {each.name for each in self.all().values() if write_alias(self.name) in each.aliases}

    def create(self, space: Space, size: Size) -> bool:
        """Make the first index, with both aliases; `False` when it is there. Raises `SearchError` when another serves."""
        serving = self.read()
        wanted = index_name(self.name, space)
        if serving is None:
            self._keep_writes_from_making_indexes()
            self.make(wanted, space, size)
            self.move(add=[(wanted, read_alias(self.name)), (wanted, write_alias(self.name))])
            return True
        if serving.name != wanted:
            msg = f"{serving.name} serves searches; {wanted} is another model, dimension or mapping: migrate to it."
            raise SearchError(msg)
        return False

    def _keep_writes_from_making_indexes(self) -> None:
        """Have writes refused where an index was lost: they would make it anew, without a mapping."""
        setting = {"action.auto_create_index": f"-{self.name}-*,+*"}
        self._engine.call("PUT", "/_cluster/settings", {"persistent": setting})

    def make(self, index: str, space: Space, size: Size) -> None:
        """Make an empty index without aliases; one that is there stays as it is."""
        if index not in self.all():
            self._engine.call("PUT", f"/{index}", index_body(space, size))

    def move(self, *, add: list[tuple[str, str]] | None = None, remove: list[tuple[str, str]] | None = None) -> None:
        """Add and remove aliases, (index, alias), all in one step."""
        actions: list[dict[str, dict[str, Any]]] = [{"add": {"index": index, "alias": alias}} for index, alias in add or []]
        actions += [{"remove": {"index": index, "alias": alias, "must_exist": False}} for index, alias in remove or []]
        self._engine.call("POST", "/_aliases", {"actions": actions})

    def note(self, index: str, **noted: object) -> None:
        """Write something into the index's own description, where the next attempt finds it."""
        meta = {**self.all()[index].meta, **noted}
        self._engine.call("PUT", f"/{index}/_mapping", {"_meta": meta})

    def count(self, index: str) -> dict[str, int]:
        """Return how many documents and tombstones are visible in an index."""
        self._engine.call("POST", f"/{index}/_refresh")
        body = {"size": 0, "aggs": {"kinds": {"terms": {"field": "kind", "size": len(Kind)}}}}
        (answer,) = self._engine.search(index, [body], None)
        found = {bucket["key"]: bucket["doc_count"] for bucket in answer["aggregations"]["kinds"]["buckets"]}
        return {kind.value: found.get(kind, 0) for kind in (Kind.DOCUMENT, Kind.TOMBSTONE)}

    def drop(self, index: str) -> None:
        """Delete an index. Raises `SearchError` for one that has an alias: it is in use."""
        there = self.all().get(index)
        if there and there.aliases:
            msg = f"{index} is in use ({', '.join(sorted(there.aliases))})."
            raise SearchError(msg)
        if there:
            self._engine.call("DELETE", f"/{index}")
