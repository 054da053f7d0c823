"""Demo data: a portal to look around in, and never to work with."""

from medianest_models.demo_data.fill import fill_with_demo_data

__all__ = ["fill_with_demo_data"]
