"""From the office to a new box without typing: what is on a stick, and how a box takes it."""
