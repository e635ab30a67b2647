"""The technician's self-test: what works here, what does not, and what to do about it."""
