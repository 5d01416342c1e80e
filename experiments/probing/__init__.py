"""The probes as steps of a cell and as a command."""
