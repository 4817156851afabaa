"""What `POST /memory/compose` takes and answers."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from backend.composing.model import (
    DEFAULT_BUDGET,
    DEFAULT_K,
    DEFAULT_TEMPLATE,
    LARGEST_BUDGET,
    PLACE_OF_MEMORIES,
    PLACE_OF_QUERY,
    SMALLEST_BUDGET,
    Asked,
    Order,
    Reason,
)
from backend.kit import wire
from backend.kit.errors import Fault, ValidationFailedError
from backend.kit.wire import Clean, Whole
from backend.retrieval.model import LARGEST_K
from backend.retrieval.schemas import Questioning, ScopeDiagnostics

LONGEST_TEMPLATE = 8192

# The bounds stand before the reader of whole numbers: behind it the contract would not show them.
Tokens = Annotated[int, Field(ge=SMALLEST_BUDGET, le=LARGEST_BUDGET), BeforeValidator(wire.whole)]

COMPOSE_EXAMPLE: JsonDict = {
    "query": "What should I cook for her tonight?",
    "user_id": "u1",
    "token_budget": 200,
    "template": "You help with dinner.\n\n{memories}\n\nQuestion: {query}",
}


def _template(template: str) -> str:
    if template.count(PLACE_OF_MEMORIES) != 1:
        msg = f"Must hold {PLACE_OF_MEMORIES} once: there the memories go. {PLACE_OF_QUERY} is where the query goes."
        raise ValueError(msg)
    return template


class MemoryCompose(Questioning):
    """Body of `POST /memory/compose`."""

    model_config = ConfigDict(json_schema_extra={"examples": [COMPOSE_EXAMPLE]})

    k: Whole = Field(default=DEFAULT_K, ge=1, le=LARGEST_K, description="How many memories at most.")
    token_budget: Tokens | None = Field(
        default=None,
        description=f"Tokens that the whole prompt may have; {DEFAULT_BUDGET} if not said.",
    )
    budget_tokens: Tokens | None = Field(default=None, description="Another name for `token_budget`.")
    template: Annotated[
        Clean,
        # The words of the place stand once: a pattern can only ask for them, not forbid a second time.
        Field(json_schema_extra={"pattern": r"^[^\u0000]*\{memories\}[^\u0000]*$", "maxLength": LONGEST_TEMPLATE}),
        AfterValidator(_template),
    ] = Field(
        default=DEFAULT_TEMPLATE,
        max_length=LONGEST_TEMPLATE,
        description="The prompt; `{memories}` stands once, for what is recalled, and `{query}` for the query.",
    )
    order: Literal["edges", "relevance", "chronological"] = Field(
        default="edges", description="`edges`: the best first and last, where models look best."
    )
    citations: bool = Field(default=True, description="Whether each memory has a mark (`[m1]`) that an answer can cite.")
    untrusted_wrapper: bool = Field(
        default=True, description="Whether the memories stand between markers that no text of theirs can close."
    )

    @model_validator(mode="after")
    def _one_budget(self) -> Self:
        if None not in (self.token_budget, self.budget_tokens) and self.token_budget != self.budget_tokens:
            fault = Fault("/budget_tokens", "It is another name for 'token_budget' and differs; send one of them.")
            msg = "Two different budgets are asked for."
            raise ValidationFailedError(msg, faults=(fault,))
        return self

    def asked(self) -> Asked:
        """Return what kind of prompt is wanted."""
        return Asked(
            query=self.query,
            budget=self.token_budget or self.budget_tokens or DEFAULT_BUDGET,
            template=self.template,
            order=Order(self.order),
            cites=self.citations,
            wraps=self.untrusted_wrapper,
        )


class MemoryUsed(BaseModel):
    """A memory in the prompt: which characters of its text (`span`), under which mark, with how many tokens."""

    id: str
    citation: str | None
    tokens: int
    span: Annotated[list[int], Field(min_length=2, max_length=2, description="In characters of the memory's text.")]
    text_truncated: bool
    score: float
    speaker: str | None
    source: str | None
    occurred_at: str | None
    created_at: str
    revision: int


class MemoryDropped(BaseModel):
    """A memory that was found and is not in the prompt."""

    id: str
    reason: Reason


class PromptComposed(BaseModel):
    """Answer of `POST /memory/compose`. `token_count` is that of all of `composed_prompt`, and never above the budget."""

    composed_prompt: str
    memories_used: list[MemoryUsed]
    token_count: int
    token_budget: int
    tokenizer: str
    truncated: bool
    dropped: list[MemoryDropped]
    order: Order
    degraded: list[str]
    warnings: list[str]
    scope_diagnostics: ScopeDiagnostics | None
    request_id: str
