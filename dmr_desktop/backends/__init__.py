"""How a kind of runner is started and spoken to."""
