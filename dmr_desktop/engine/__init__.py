"""Continuous batching over llama.cpp: synchronous, single-threaded, no sockets, no store."""
