"""The terminal's door: verbs that talk to the service through ``client/``. Every module is loaded on demand."""
