"""The gate terminal: composes devices and ledger into passes, policy, gate and office."""
