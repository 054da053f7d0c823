"""A process for each peer and event loop, which reads commands from its standard input.

python -m benchmarks.peers.clients raw uvloop
"""
