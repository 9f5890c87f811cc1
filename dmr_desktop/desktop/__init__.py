"""The tray and the panel: draw what /events says."""
