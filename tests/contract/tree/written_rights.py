"""What each function may do: `ACTION RESOURCE`, and a few words that say which part of the system needs it."""

from __future__ import annotations

SIGN_IN = {
    "dynamodb:GetItem TenancyTable",
    "dynamodb:Query TenancyTable",
    "secretsmanager:GetSecretValue Pepper",
    # A request without a project leaves an entry in the audit log.
    "dynamodb:GetItem AuditTable",
    "dynamodb:PutItem AuditTable",
}
KNOW = {"dynamodb:GetItem TenancyTable", "secretsmanager:GetSecretValue Pepper"}
REQUESTS = {
    "dynamodb:GetItem IdempotencyTable",
    "dynamodb:PutItem IdempotencyTable",
    "dynamodb:UpdateItem IdempotencyTable",
}
READ = {"dynamodb:GetItem MemoriesTable"}
READ_MANY = {"dynamodb:BatchGetItem MemoriesTable"}
FIND = READ_MANY | {"dynamodb:Query MemoriesTable"}
DUE = {"dynamodb:Query MemoriesTable/index/due"}
PUT = {"dynamodb:PutItem MemoriesTable"}
OPEN = {"dynamodb:GetItem MemoriesTable", "kms:Decrypt DataKey"}
SEAL = OPEN | {"dynamodb:PutItem MemoriesTable", "kms:GenerateDataKey DataKey"}
KEEP = {"dynamodb:GetItem StateTable", "dynamodb:PutItem StateTable"}
PARK = {"sqs:SendMessage ParkedRows"}
SEE_USAGE = {"dynamodb:BatchGetItem UsageTable"}
REWRITE = READ | PUT | {"dynamodb:UpdateItem MemoriesTable"}
ADD = READ | FIND | PUT | SEAL | {"dynamodb:UpdateItem MemoriesTable", "dynamodb:BatchWriteItem MemoriesTable"}
SHOW = {
    *OPEN,
    *FIND,
    "dynamodb:DeleteItem MemoriesTable",
    "dynamodb:PartiQLDelete MemoriesTable",
    "dynamodb:UpdateItem MemoriesTable",
    "sqs:SendMessage ParkedRows",
    # What was counted of a forgotten memory goes.
    "dynamodb:PutItem UsageTable",
    # The key of what OpenSearch holds.
    "secretsmanager:GetSecretValue Pepper",
}
PROFILE = "arn:${AWS::Partition}:bedrock:${AWS::Region}:${AWS::AccountId}:inference-profile/{}"
ANY_MODEL = "bedrock:InvokeModel arn:${AWS::Partition}:bedrock:*::foundation-model/*"
# The model or inference profile that a parameter names, and what the profile hands a call on to.
INVOKE = {
    "bedrock:InvokeModel arn:${AWS::Partition}:bedrock:${AWS::Region}::foundation-model/{}",
    f"bedrock:InvokeModel {PROFILE}",
    ANY_MODEL,
}
EMBED = {each.replace("{}", "EmbeddingProvider") for each in INVOKE}
ASK = {each.replace("{}", "LanguageModel") for each in INVOKE}
SEARCH = {"es:ESHttpGet {}/memories-write", "es:ESHttpPost {}/_msearch"}
INDEX = SEARCH | {"es:ESHttpPost {}/_bulk", "es:ESHttpPost {}/memories-*"}
# What the queue does not take is counted at once.
RETURN = {"sqs:SendMessage Accesses", "dynamodb:PutItem UsageTable"}
WALK = {"dynamodb:Query MemoriesTable/index/list"}
SEARCHES = ("QueryMemories", "RetrieveMemories", "ComposePrompt", "SynthesizeAnswer", "RecallMemories", "QueryTurns")
GIVE_UP = {"sqs:SendMessage FailedEvents"}
MAY: dict[str, set[str]] = {
    "AddMemory": SIGN_IN | REQUESTS | ADD,
    # While the index is down the newest are searched, which stand in a list.
    **dict.fromkeys(SEARCHES, SIGN_IN | FIND | OPEN | SEE_USAGE | WALK | RETURN),
    # What waits for a decision, and what is counted, stands in a list.
    "ExplainMemory": SIGN_IN | FIND | OPEN | SEE_USAGE | WALK,
    "SearchRouted": SIGN_IN | FIND | OPEN | SEE_USAGE | WALK | RETURN,
    # A summary is a memory that no guard and no claim stands for.
    "SummarizeMemories": SIGN_IN | REQUESTS | READ_MANY | SEAL,
    **dict.fromkeys(("BulkAddMemories", "UploadFile"), SIGN_IN | REQUESTS | ADD),
    # Who changes what is there finds a key of the tenant, but for rows of the first release.
    **dict.fromkeys(("UpdateMemory", "ArchiveMemory", "JudgeMemory"), SIGN_IN | REQUESTS | READ | PUT | SEAL),
    **dict.fromkeys(("RewriteMemory", "UpdateMemories"), SIGN_IN | REQUESTS | REWRITE | SEAL),
    "RestoreMemory": SIGN_IN | REQUESTS | REWRITE | OPEN,
    "RejectMemory": SIGN_IN | REQUESTS | REWRITE | OPEN,
    # What waits may become evidence of what is known by now.
    **dict.fromkeys(("ResolveConflict", "ApproveMemory"), SIGN_IN | REQUESTS | (ADD - SEAL) | PUT | OPEN),
    "GetMemory": SIGN_IN | OPEN | SEE_USAGE | {"dynamodb:Query MemoriesTable"},
    **dict.fromkeys(("ReadHistory", "ReadEvidence"), SIGN_IN | OPEN | {"dynamodb:Query MemoriesTable"}),
    "ReadRelations": SIGN_IN | READ_MANY | OPEN,
    "ReadPending": SIGN_IN | FIND | OPEN,
    **dict.fromkeys(
        ("ListConflicts", "ListQuarantine"), SIGN_IN | READ_MANY | OPEN | {"dynamodb:Query MemoriesTable/index/list"}
    ),
    "ListMemories": SIGN_IN | FIND | OPEN | SEE_USAGE | {"dynamodb:Query MemoriesTable/index/list"},
    "DeleteMemory": SIGN_IN | REQUESTS | READ | PUT | SEAL,
    "AddTurn": SIGN_IN | REQUESTS | ADD | KEEP,
    "ReadTurn": SIGN_IN | READ_MANY | {"dynamodb:GetItem StateTable"},
    "ListMemoriesOf": SIGN_IN | FIND | OPEN | SEE_USAGE | {"dynamodb:Query MemoriesTable/index/list"},
    "AppendHistory": SIGN_IN | REQUESTS | SEAL | KEEP,
    "DeleteHistory": SIGN_IN
    | REQUESTS
    | {
        "dynamodb:GetItem StateTable",
        "dynamodb:PutItem StateTable",
        "dynamodb:Query StateTable",
        "dynamodb:DeleteItem StateTable",
        "dynamodb:BatchWriteItem StateTable",
    },
    "PutState": SIGN_IN | REQUESTS | SEAL | KEEP,
    "GetState": SIGN_IN | OPEN | {"dynamodb:GetItem StateTable"},
    **dict.fromkeys(
        ("ListHistory", "ListState", "SearchState", "ListNamespaces"), SIGN_IN | OPEN | {"dynamodb:Query StateTable"}
    ),
    "DeleteState": SIGN_IN | REQUESTS | {"dynamodb:DeleteItem StateTable", "dynamodb:PutItem StateTable"},
    "RefreshMemories": SIGN_IN | REQUESTS | READ | {"dynamodb:PutItem MemoriesTable"},
    "ReadRefresh": SIGN_IN | READ,
    # Makes a data key and opens nothing with it.
    "RotateDataKey": SIGN_IN - {"dynamodb:Query TenancyTable"}
    | REQUESTS
    | READ
    | {"dynamodb:PutItem MemoriesTable", "kms:GenerateDataKey DataKey"},
    "ShowEncryption": KNOW | READ | {"dynamodb:Query MemoriesTable"},
    "Status": READ,
    "Fallback": set(),
    "ProjectChanges": SHOW | GIVE_UP,
    "SweepPending": DUE | SHOW | GIVE_UP,
    "RemoveExpired": DUE
    | READ
    | PUT
    | SEAL
    | GIVE_UP
    | {"dynamodb:DeleteItem StateTable", "dynamodb:Query StateTable/index/due"},
    # A re-encryption has to read a whole table, a refresh a user's list; no user can make either do more than it does.
    "RunJobs": DUE
    | READ
    | FIND
    | PUT
    | SEAL
    | GIVE_UP
    | {
        # A job that has finished makes room for the next.
        "dynamodb:DeleteItem MemoriesTable",
        "dynamodb:Query MemoriesTable/index/list",
        "dynamodb:Scan MemoriesTable",
        "dynamodb:UpdateItem MemoriesTable",
        "dynamodb:Scan StateTable",
        "dynamodb:UpdateItem StateTable",
        # Claims are kept under MACs.
        "secretsmanager:GetSecretValue Pepper",
    },
    # It never learns what a memory says.
    "CountUsage": SEE_USAGE | {"dynamodb:PutItem UsageTable"},
    "RepairEmbeddings": DUE | READ | FIND | PUT | SEAL | PARK | GIVE_UP,
    "PurgeTombstones": GIVE_UP,
    # What has to read a whole table; people start it, no user and no schedule does.
    "RebuildIndex": SHOW | {"dynamodb:Scan MemoriesTable"},
    "Administer": SIGN_IN
    | {
        "dynamodb:BatchGetItem TenancyTable",
        "dynamodb:ConditionCheckItem TenancyTable",
        "dynamodb:DeleteItem TenancyTable",
        "dynamodb:PutItem TenancyTable",
        "dynamodb:UpdateItem TenancyTable",
    },
}
# What a function may do besides where there is a domain (its logical id is filled in), and where models are asked.
WITH_A_DOMAIN: dict[str, set[str]] = {
    **dict.fromkeys((*SEARCHES, "ExplainMemory", "SearchRouted"), SEARCH),
    "Status": SEARCH,
    "ProjectChanges": INDEX,
    "SweepPending": INDEX,
    "PurgeTombstones": INDEX,
    "RebuildIndex": INDEX,
}
EMBEDDING = dict.fromkeys(
    (
        "AddMemory",
        "BulkAddMemories",
        "UploadFile",
        "RewriteMemory",
        "UpdateMemories",
        "ResolveConflict",
        "ApproveMemory",
        "AddTurn",
        "QueryMemories",
        "RetrieveMemories",
        "ExplainMemory",
        "SearchRouted",
        "ComposePrompt",
        "SynthesizeAnswer",
        "SummarizeMemories",
        "QueryTurns",
        "RecallMemories",
        "Status",
        "RepairEmbeddings",
        "RunJobs",
    ),
    EMBED,
)
# A language model reads what is added, and what answers and summaries are made of.
EXTRACTING = (
    *("AddMemory", "AddTurn", "BulkAddMemories", "UploadFile", "RewriteMemory", "UpdateMemories"),
    *("SynthesizeAnswer", "SummarizeMemories"),
)
ASKING = dict.fromkeys(EXTRACTING, ASK)
WITH_A_KEY = {each: {"secretsmanager:GetSecretValue LanguageModelSecret"} for each in EXTRACTING}
WITH_A_MODEL = {
    "bedrock": EMBEDDING,
    "language model on bedrock": ASKING,
    "language model with a key": WITH_A_KEY,
}
DOMAIN_OF = {
    "one machine": None,
    "own domain": "SearchDomain",
    "three nodes": "SearchDomain",
    "given domain": "SearchDomainName",
    "given cluster": None,
    "bedrock": "SearchDomain",
    "language model on bedrock": None,
    "language model elsewhere": None,
    "language model with a key": None,
}
