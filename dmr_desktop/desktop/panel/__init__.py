"""The panel window: its pages and the widgets that they are made of."""
