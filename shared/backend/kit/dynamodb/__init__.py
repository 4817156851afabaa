"""DynamoDB behind one checked seam."""

from backend.kit.dynamodb.limits import TableLimitError
from backend.kit.dynamodb.seam import ConditionFailedError, Faults, Reason, Seam, TransactionCanceledError
from backend.kit.dynamodb.table import Check, Delete, Item, Page, Put, Table, Update, attribute, set_to, transact

__all__ = [
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
    "set_to",
    "transact",
]
