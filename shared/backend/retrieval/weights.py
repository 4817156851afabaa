"""What each feature counts. Fitted by `python -m benchmarks.fitting`, see docs/retrieval.md for the data and the ablation.

Those of the second table are of an earlier fit, and why they stayed: decision 127.

The weights of the first table count for owners of short turns, those of the second for owners of long messages, and between
them in proportion (`Documents.shortness`); those of the third always.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

SHORT: Mapping[str, float] = MappingProxyType(
    {
        "dense": 1.4,
        "dense_context": 2.8,
        "dense_next": 0.4,
        "dense_around": 2.8,
        "length": 2.8,
        "coverage_around": 1.6,
        "words_around": 0.8,
        "asked_words": 0.8,
        "asks": -0.7,
        "time": 0.3,
    }
)
LONG: Mapping[str, float] = MappingProxyType({"dense": 2.3, "first_dense": 2.3, "words": 1.2, "coverage": 1.6})
ALWAYS: Mapping[str, float] = MappingProxyType(
    {
        "by_user": 3.4,
        "summary_by_user": -2.4,
        "advice_by_assistant": 1.6,
        "rule": 0.7,
        "named": 2.4,
        "wants_time": 1.9,
        "wants_people": 1.2,
        "wants_place": 1.4,
        "wants_number": 1.5,
        "on_day": 0.7,
        "in_month": 1.3,
        "soon_after": 2.3,
    }
)
