"""Measurements, which no test imports."""
