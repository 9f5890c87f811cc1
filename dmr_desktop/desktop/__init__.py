"""The tray app and its panel: a Qt client that draws what the service's ``/events`` says.

Owns windows, the tray icon and the theme. Knows nothing of models' files, runners or engines: those
are the service's, reached over its Unix socket. No threads, no asyncio; Qt's event loop is the only one.
"""
