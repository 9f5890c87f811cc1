"""The dmr command."""
