"""What Duologue decides, pure: no I/O, no clock, no randomness."""
