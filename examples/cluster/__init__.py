"""A whole Patroni cluster on one machine: to look around in, and to see failovers with one's own code.

    python -m examples.cluster --install    as root on Debian: etcd, HAProxy and Patroni, once
    python -m examples.cluster              starts it, prints the URLs and runs until Ctrl-C

Three nodes (Patroni with a PostgreSQL each, on 127.0.0.11 to .13), one etcd and one HAProxy, which leads to the primary
on one port and to the standbys on another. Everything listens on the loopback interface only, and belongs to a user
without rights where root starts it. docs/cluster.md is about real ones.
"""
