"""The side that writes a ledger: one sequencer a log, cosigners, snapshots."""
