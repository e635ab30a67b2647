"""What the manager is told of a compound's days: records of checks to rows, and rows to paper."""
