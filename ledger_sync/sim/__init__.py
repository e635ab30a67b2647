"""A deterministic world of terminals: one seed, one history of faults. Ships in the product."""
