"""The gate: gathers facts, records the check, moves the relay. One loop acts."""
