"""What people and programs say: no logic here. A file serves the module of the same name, or several."""
