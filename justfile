# What a developer does, a line each. Without just: `python3 dev.py RECIPE`.

environment := env("VIRTUAL_ENV", justfile_directory() / ".venv")
export PATH := environment / "bin:" + env("PATH")
set positional-arguments := true

_list:
    @just --list --unsorted

# an embedded PostgreSQL, migrated and seeded, and what to try next
setup:
    @medianest setup

# put in the default services and settings
seed *arguments:
    @medianest seed "$@"

# make the first admin, who has to change the password
bootstrap:
    @medianest bootstrap

# apply the pending migrations
migrate:
    @medianest db migrate

# the same in production, with the settings in .env.production
migrate-prod:
    @MEDIANEST_ENV=production medianest --env-file .env.production db migrate

# drop this package's tables with their rows, migrate, seed
reset *arguments:
    @medianest db reset "$@"

# a portal to look around in: users, requests, downloads, a month of checks
demo-data *arguments:
    @medianest demo-data "$@"

# see and edit the database in a browser
studio *arguments:
    @medianest studio --port 5555 --open "$@"

# the test suite, on up to four cores; arguments are pytest's
test *arguments:
    @pytest -n auto --maxprocesses 4 "$@"

# style, types, layers
lint:
    @ruff check && ruff format --check && mypy && pyright && lint-imports

# the same work done by others, side by side: operations a second; --quick takes two minutes
bench *arguments:
    @python -m benchmarks.peers "$@"

# answers about years of service checks: milliseconds, bytes; --quick takes half a minute
bench-history *arguments:
    @python -m benchmarks.history "$@"

# what each operation costs on tables of up to ten million rows: CPU, pages; --quick takes less than two minutes
bench-growth *arguments:
    @python -m benchmarks.growth "$@"

# the drawings of docs/performance.md, from what `bench --json FILE` has kept
bench-plot file:
    @python -m benchmarks.peers.plot "$1" docs/performance

# the site of the docs, in build/site
site:
    @rm -rf build/site && python -m sphinx -E -n -W --keep-going -q -d build/doctrees docs build/site

# the drawing of docs/schema.md, from the migrated database
diagram:
    @python -m docs.schema
