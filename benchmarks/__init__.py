"""Measurements; only their own tests import them."""
