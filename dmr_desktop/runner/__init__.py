"""One process, one model: the engine behind a socket."""
