"""The words that every room shares, and everything that crosses a process. Standard library only."""
