"""This package beside raw asyncpg, Prisma Client, SQLAlchemy, Tortoise and two job queues, on one database.

python -m benchmarks.peers --quick
"""
