"""Duologue inside other people's applications."""
