"""What no statement passes without being looked at: secrets, personal data, orders to a language model.

The guards look at the whole of what was sent: a key that was cut into several statements is still a key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from backend.extraction.chunking import chunks
from backend.extraction.injection import injection_in
from backend.extraction.model import Guarded, Refusal, Statement
from backend.extraction.personal import personal_data_in
from backend.extraction.policy import GuardPolicy, Reaction
from backend.extraction.secrets import Finding, secrets_in

_REFUSED = {Reaction.BLOCK: Guarded.POLICY, Reaction.QUARANTINE: Guarded.QUARANTINED}


def guarded(source: str, statements: Sequence[Statement], policy: GuardPolicy) -> list[Statement]:
    """Return the statements as the policy leaves them: refused, with what was found taken out, or as they were.

    A rule is named `secret.KIND`, `personal.KIND` or `injection.KIND`. An order to a model taints all that came with it.
    What was refused before stays refused for the guards' reason: it must not be shown as harmless.
    """
    order = injection_in(source) if policy.injection is not Reaction.ALLOW else None
    if order:
        outcome = _REFUSED.get(policy.injection, Guarded.QUARANTINED)
        return [replace(each, refusal=Refusal(outcome, f"injection.{order}")) for each in statements]
    for kind, reaction, find in (("secret", policy.secrets, secrets_in), ("personal", policy.personal, personal_data_in)):
        if reaction is not Reaction.ALLOW:
            found = find(source)
            statements = [_without(each, source, [*found, *_own(each, find(each.text))], kind, reaction) for each in statements]
    return list(statements)


def _own(statement: Statement, found: Sequence[Finding]) -> list[Finding]:
    """Return what stands in a statement's own words, in places of the source: the statement's."""
    return [Finding(each.kind, statement.span) for each in found]


def _without(statement: Statement, source: str, found: Sequence[Finding], kind: str, reaction: Reaction) -> Statement:
    start, end = statement.span
    touching = [each for each in found if each.span[0] < end and start < each.span[1]]
    if not touching:
        return statement
    if reaction is not Reaction.REDACT:
        return replace(statement, refusal=Refusal(_REFUSED[reaction], f"{kind}.{touching[0].kind}"))
    text = statement.text
    for each in touching:
        part = source[max(start, each.span[0]) : min(end, each.span[1])].strip()
        if each.span != statement.span:
            text = text.replace(part, f"[REDACTED:{each.kind}]")
    for again in reversed(secrets_in(text) if kind == "secret" else personal_data_in(text)):
        text = f"{text[: again.span[0]]}[REDACTED:{again.kind}]{text[again.span[1] :]}"
    # What was read of the text before still holds what was taken out, and places in it that have moved.
    return replace(statement, text=text, claimed=None, chunks=chunks(text))
