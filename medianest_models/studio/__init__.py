"""The studio: the database in a browser, for its owner, on their own machine.

It needs the extra `studio`; nothing else in this package imports it but the command `medianest studio`.
"""

from medianest_models.studio.app import Studio, serve

__all__ = ["Studio", "serve"]
