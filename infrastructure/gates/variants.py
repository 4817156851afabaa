"""The ways in which the template can be deployed: what is checked is each of them."""

from __future__ import annotations

from functools import cache

from infrastructure.gates.rendered import Json, decided, rendered

BEDROCK = "bedrock:amazon.titan-embed-text-v2:0"
LANGUAGE_MODEL = "bedrock:eu.amazon.nova-lite-v1:0"
MODEL_SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:models-AbCdEf"  # noqa: S105 - an ARN, not a secret
TOPIC = "arn:aws:sns:us-east-1:123456789012:alarms"
VARIANTS: dict[str, dict[str, str]] = {
    "one-machine": {"SearchEndpoint": "file:///index"},
    "own-domain": {"EmbeddingProvider": BEDROCK, "LanguageModel": LANGUAGE_MODEL, "AlarmTopic": TOPIC},
    "own-domain-of-three": {"SearchInstanceCount": "3"},
    "existing-domain": {
        "SearchEndpoint": "https://search.example",
        "SearchDomainName": "search",
        "LanguageModel": "https://models.example/v1#small",
        "LanguageModelSecret": MODEL_SECRET,
    },
}


@cache
def undecided() -> Json:
    """Return the rendered template with its conditions. Do not change it."""
    return rendered(next(iter(VARIANTS.values())))


@cache
def templates() -> dict[str, Json]:
    """Return the rendered template of each variant, its conditions decided. Do not change them."""
    return {name: decided(rendered(parameters), parameters) for name, parameters in VARIANTS.items()}
