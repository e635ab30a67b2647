"""The guard's console: what all gates saw and how they are, on a terminal of 80 x 25 and up."""
