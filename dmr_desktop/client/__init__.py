"""The only door to the service for Python code: typed calls over its Unix socket or TCP."""
