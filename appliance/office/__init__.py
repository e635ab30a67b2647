"""What the manager and the authority do: keys, enrolment, status, publishing, terminals."""
