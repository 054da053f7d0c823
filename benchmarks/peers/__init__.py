"""A comparison of this package with raw asyncpg, Prisma Client, SQLAlchemy, Tortoise and two job queues.

python -m benchmarks.peers --quick
"""
