"""The whole product on one machine: a local AWS emulator, patched where it differs, and the template deployed to it.

`python -m infrastructure.local up` from the command line; `from infrastructure.local.stack import Stack` from tests.
"""
