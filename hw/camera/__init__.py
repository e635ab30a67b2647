"""Cameras: one driver a module, each with its own options. Knows no code and no pass."""
