"""DynamoDB behind one checked seam."""

from backend.kit.dynamodb.limits import TableLimitError
from backend.kit.dynamodb.seam import ConditionFailedError, Faults, Reason, Seam, TransactionCanceledError
from backend.kit.dynamodb.table import (
    Asked,
    Check,
    Delete,
    Item,
    Page,
    Put,
    Table,
    Update,
    attribute,
    get_together,
    set_to,
    transact,
)

__all__ = [
    "Asked",
    "Check",
    "ConditionFailedError",
    "Delete",
    "Faults",
    "Item",
    "Page",
    "Put",
    "Reason",
    "Seam",
    "Table",
    "TableLimitError",
    "TransactionCanceledError",
    "Update",
    "attribute",
    "get_together",
    "set_to",
    "transact",
]
