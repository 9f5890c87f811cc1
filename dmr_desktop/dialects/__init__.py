"""Wire JSON to protocol and back; pure functions, no I/O."""
