"""Facts to verdicts. Pure: no clock, no disk, no device; `now` is an argument."""
