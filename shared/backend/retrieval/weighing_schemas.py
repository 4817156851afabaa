"""What a caller may say of how answers are weighed, and what is said to them of it."""

from __future__ import annotations

from dataclasses import fields
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from backend.kit.errors import Fault, ValidationFailedError
from backend.kit.wire import pointer_step
from backend.retrieval.model import Weights

MOST_FAULTS = 20


def _none(weight: float) -> float:
    if weight:
        msg = "Must be 0: there is no graph of memories yet that could count. Leave it out."
        raise ValueError(msg)
    return weight


Weight = Annotated[float, Field(ge=0, le=1)]
NoWeight = Annotated[float, Field(json_schema_extra={"minimum": 0, "maximum": 0}), AfterValidator(_none)]
_DEFAULT = Weights()


class QueryWeights(BaseModel):
    """How much each factor counts beside the others. What is not named keeps its default; 0 leaves a factor out."""

    # Unknown ones are let in here only to be named, all of them, by the refusal.
    model_config = ConfigDict(extra="allow", strict=True, allow_inf_nan=False, json_schema_extra={"additionalProperties": False})

    semantic: Weight = Field(default=_DEFAULT.semantic, description="Relevance to the question.")
    cluster: Weight = Field(default=_DEFAULT.cluster, description="Likeness to the others that were found.")
    recency: Weight = Field(default=_DEFAULT.recency, description="How new it is.")
    importance: Weight = Field(default=_DEFAULT.importance, description="The importance that it was given.")
    usage: Weight = Field(default=_DEFAULT.usage, description="How often it was found.")
    decay: Weight = Field(default=_DEFAULT.decay, description="How little it faded since it was last found.")
    quality: Weight = Field(default=_DEFAULT.quality, description="Its confidence, and what people judged of it.")
    graph: NoWeight = Field(default=0, description="There is no graph yet: nothing but 0.")

    @model_validator(mode="after")
    def _known(self) -> Self:
        unknown = sorted(self.model_extra or {})
        if unknown:
            known = ", ".join(sorted(QueryWeights.model_fields))
            faults = [Fault(f"/weights/{pointer_step(name[:64])}", f"Use some of: {known}.") for name in unknown[:MOST_FAULTS]]
            msg = "A weight does not exist. It was not dropped: that would have changed the answer."
            raise ValidationFailedError(msg, faults=tuple(faults))
        return self

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not any(getattr(self, each.name) for each in fields(Weights)):
            fault = Fault("/weights", "Give at least one factor a weight above 0; leave 'weights' out for the defaults.")
            msg = "All weights are 0, so nothing would order the answers."
            raise ValidationFailedError(msg, faults=(fault,))
        return self

    def weights(self) -> Weights:
        """Return them as the ranking takes them."""
        return Weights(**{each.name: getattr(self, each.name) for each in fields(Weights)})


class Factors(BaseModel):
    """What a score is made of, each in [0, 1] and relative to the memories that were weighed together."""

    semantic: float
    cluster: float
    recency: float
    importance: float
    usage: float


class FactorView(BaseModel):
    """One factor: its value in [0, 1], what it counts, and how much of the score it makes."""

    value: float
    weight: float
    share: float


class Matched(BaseModel):
    """What of the question the memory met."""

    words: Annotated[list[str], Field(description="Those of the question's words that stand in it, its speaker's name included.")]
    dense: Annotated[bool, Field(description="Whether meaning could be compared.")]
    cosine: Annotated[float | None, Field(description="Likeness of meaning, -1 to 1.")]
    speaker: Annotated[bool, Field(description="Whether the question names the one who said it.")]
    date: Annotated[Literal["on_day", "in_month", "soon_after"] | None, Field(description="How a date of the question fits.")]
    from_overlay: Annotated[bool, Field(description="Whether the index had not taken it in yet.")]


class ExplainedSource(BaseModel):
    """Where a memory comes from."""

    source: str | None
    session_id: str | None
    speaker: str | None
    occurred_at: str | None


class Explanation(BaseModel):
    """Why a memory stands where it stands."""

    tier_band: int
    relevance: float
    factors: dict[str, FactorView]
    stale_share: Annotated[float, Field(description="What the sum of the shares was multiplied by: below 1 for a stale memory.")]
    features: Annotated[dict[str, float], Field(description="What moved its relevance most, the strongest first.")]
    matched: Matched
    spans: Annotated[list[list[int]], Field(description="Where those words stand, in characters of the whole text.")]
    sources: list[ExplainedSource]
    duplicate_of: str | None
