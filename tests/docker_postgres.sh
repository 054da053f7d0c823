#!/usr/bin/env bash
# Gives `--medianest-server=testcontainers:medianest-postgres` what it needs where no registry can be reached.
#
#   tests/docker_postgres.sh up      starts dockerd when no engine answers, and makes the image medianest-postgres of
#                                    the PostgreSQL 15 that Debian's package has installed on this machine
#   tests/docker_postgres.sh down    deletes the image, stops that dockerd, and deletes what it has stored
set -euo pipefail
image=medianest-postgres
postgres=/usr/lib/postgresql/15
state=${TMPDIR:-/tmp}/medianest-docker

start() {
  mkdir -p "$state"
  setsid dockerd --data-root "$state/data" >"$state/log" 2>&1 </dev/null &
  echo $! >"$state/pid"
  for _ in {1..120}; do
    docker info >/dev/null 2>&1 && return
    kill -0 "$(cat "$state/pid")" 2>/dev/null || break
    sleep 0.5
  done
  tail -n 3 "$state/log" >&2
  return 1
}

build() {
  local root programs modules libraries files
  root=$(mktemp -d)
  mkdir -p -m 1777 "$root"/{data,tmp,var/run/postgresql}
  mkdir "$root/etc"
  echo "postgres:x:999:999::/data:/bin/sh" >"$root/etc/passwd"
  cat >"$root/start" <<'START'
#!/bin/sh
set -e
export PGDATA=/data/postgres
printf %s "$POSTGRES_PASSWORD" >/tmp/password
initdb --username="$POSTGRES_USER" --pwfile=/tmp/password --auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8
echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
[ "$POSTGRES_DB" = postgres ] || echo "CREATE DATABASE \"$POSTGRES_DB\"" | postgres --single postgres
exec postgres -c listen_addresses='*' -c fsync=off -c full_page_writes=off "$@"
START
  chmod -R a+rX "$root" && chmod 755 "$root" "$root/start"
  programs=("$postgres"/bin/{postgres,initdb,psql} /bin/sh)
  mapfile -t modules < <(find "$postgres/lib" -maxdepth 1 -name '*.so' ! -name 'llvmjit*') # LLVM has 100 MB
  mapfile -t libraries < <(ldd "${programs[@]}" "${modules[@]}" | grep -oP '(=> |^\t)\K/[^ ]+' | sort -u)
  files=("${programs[@]}" "${modules[@]}" "${libraries[@]}" /usr/share/{postgresql/15,zoneinfo} /usr/lib/locale/C.utf8)
  tar --create --dereference --hard-dereference --directory="$root" . --directory=/ "${files[@]#/}" |
    docker import -c "ENV PATH=$postgres/bin:/bin" -c "USER postgres" -c 'ENTRYPOINT ["/start"]' -c "EXPOSE 5432" - "$image"
  rm -rf "$root"
}

case ${1:-} in
  up)
    docker info >/dev/null 2>&1 || start
    build
    ;;
  down)
    docker image rm "$image" >/dev/null 2>&1 || true
    [ -f "$state/pid" ] || exit 0
    kill "$(cat "$state/pid")" 2>/dev/null && tail --pid="$(cat "$state/pid")" -f /dev/null
    rm -rf "$state"
    ;;
  *)
    sed -n '2,7p' "$0"
    exit 2
    ;;
esac
