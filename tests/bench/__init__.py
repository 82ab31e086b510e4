"""Tests of what the benchmark says about its figures; the figures themselves are nobody's test."""
