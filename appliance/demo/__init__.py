"""A whole compound on one machine: real keys, real pictures, the real scan path, mock relays."""
