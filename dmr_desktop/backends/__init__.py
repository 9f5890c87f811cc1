"""Kinds of runners: how each is started and spoken to."""
