"""The service: one asyncio loop owns all its state."""
