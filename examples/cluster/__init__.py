"""A Patroni cluster on one machine, to try out failovers with your own code.

    python -m examples.cluster --install    as root on Debian: etcd, HAProxy and Patroni, once
    python -m examples.cluster              start it, print the URLs and run until Ctrl-C

Three nodes (Patroni with a PostgreSQL each, on 127.0.0.11 to .13), one etcd and one HAProxy, which leads to the primary
on one port and to the standbys on another. Everything listens on the loopback interface only; if root starts it, it
runs as a user without rights. docs/cluster.md describes a real cluster.
"""
