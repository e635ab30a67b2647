"""What is presented at a gate: bytes in, verified facts out, or `Refused`. Pure."""
