"""Which emulator the patches are written for. Importing this does not import the emulator."""

EMULATOR_VERSION = "1.5.33"
