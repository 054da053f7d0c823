"""A process for each peer and event loop, which does what it is told on its standard input.

python -m benchmarks.peers.clients raw uvloop
"""
