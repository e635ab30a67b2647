"""The readers: each driver tells what is held to it, and knows no pass and no rule."""
