"""The command line: thin shells, one file per command group."""
