"""Rights that functions need and that one walk through them does not show, each with its reason."""

from __future__ import annotations

from tests.contract.tree.written_rights import SEARCHES

# Rights that are needed on AWS and cannot be seen in use here, each with its reason. One that is seen to be used fails.
UNSEEN = {
    # The embedded index has a key of its own; OpenSearch's is made of the pepper.
    "secretsmanager:GetSecretValue Pepper": {"ProjectChanges", "SweepPending", "RebuildIndex"},
    # Lambda sends what was given up, by the function's role; the emulator does it by no role.
    "sqs:SendMessage FailedEvents": {
        "ProjectChanges",
        "SweepPending",
        "RepairEmbeddings",
        "PurgeTombstones",
        "RemoveExpired",
        "RunJobs",
    },
}
# Rights that other journeys on the same stack may use, or not: needed in cases that this one does not walk through.
SELDOM = {
    # Claims are made of the pepper: a refresh needs it where one changes.
    "secretsmanager:GetSecretValue Pepper": {"RunJobs"},
    # A tenant's first text makes its key, and here the first comes by AddMemory. What only changes rows meets a tenant without a
    # key where all of its rows are of the first release.
    "kms:GenerateDataKey DataKey": {
        "BulkAddMemories",
        "SummarizeMemories",
        "UploadFile",
        "DeleteMemory",
        "UpdateMemory",
        "RewriteMemory",
        "UpdateMemories",
        "ArchiveMemory",
        "JudgeMemory",
        "RemoveExpired",
        "RepairEmbeddings",
        "RunJobs",
        "AddTurn",
        "AppendHistory",
        "PutState",
    },
    # ... and the first text is a memory.
    "dynamodb:PutItem MemoriesTable": {"AppendHistory", "PutState"},
    # tests/journeys/test_history_and_state.py lets a value expire.
    "dynamodb:DeleteItem StateTable": {"RemoveExpired"},
    # Asked only once the answer of a claim was lost: `through_lost_answers` shows it of two, and these claim by the same code.
    "dynamodb:GetItem IdempotencyTable": {
        "BulkAddMemories",
        "SummarizeMemories",
        "UploadFile",
        "UpdateMemory",
        "RewriteMemory",
        "UpdateMemories",
        "ArchiveMemory",
        "RestoreMemory",
        "JudgeMemory",
        "ResolveConflict",
        "ApproveMemory",
        "RejectMemory",
        "RefreshMemories",
        "RotateDataKey",
        "AddTurn",
        "AppendHistory",
        "DeleteHistory",
        "PutState",
        "DeleteState",
    },
    # Only where an attempt under the same key died half way.
    "dynamodb:GetItem MemoriesTable": {"RefreshMemories"},
    # What waits is known by now, or contradicts: then it becomes evidence, or is compared (tests/unit/memories).
    "dynamodb:Query MemoriesTable": {"ApproveMemory", "RepairEmbeddings"},
    "dynamodb:BatchWriteItem MemoriesTable": {"ApproveMemory"},
    "dynamodb:BatchGetItem MemoriesTable": {"ApproveMemory"},
    # Only for a text whose embedding fails for a reason of its own; its earlier revisions are read with it.
    "sqs:SendMessage ParkedRows": {"RepairEmbeddings"},
    # Only while the index, or the queue of accesses, is down (tests/unit/retrieval, tests/contract/usage).
    "dynamodb:Query MemoriesTable/index/list": set(SEARCHES),
    "dynamodb:PutItem UsageTable": {*SEARCHES, "SearchRouted"},
    # Sealing anew begins six minutes after a rotation: tests/journeys/test_jobs.py moves its date.
    "dynamodb:Scan MemoriesTable": {"RunJobs"},
    "dynamodb:UpdateItem MemoriesTable": {"RunJobs"},
    "dynamodb:Scan StateTable": {"RunJobs"},
    "dynamodb:UpdateItem StateTable": {"RunJobs"},
}
