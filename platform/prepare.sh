#!/usr/bin/env bash
# Writes .sqlx, the description of every SQL statement against which the crate is compiled when there is no database.
#
# usage: ADMIN_DATABASE_URL=postgres://postgres@127.0.0.1:5432/postgres platform/prepare.sh
#
# The URL is of a role that may create databases (and extensions) on a Postgres 16 or later with pgvector. A database
# is made of the migrations for the purpose, and dropped again. Needs psql. Run it after every change of SQL.
set -euo pipefail

: "${ADMIN_DATABASE_URL:?set it to the URL of a role that may create databases}"
cd "$(dirname "$0")/.."

name="glassbox_prepare_$$"
url="${ADMIN_DATABASE_URL%/*}/$name"
fresh=$(mktemp -d)
cleanup() {
    rm -rf "$fresh"
    psql -q "$ADMIN_DATABASE_URL" -c "DROP DATABASE IF EXISTS $name WITH (FORCE)"
}
trap cleanup EXIT

psql -q "$ADMIN_DATABASE_URL" -c "CREATE DATABASE $name"
for migration in migrations/*.sql; do
    psql -q -1 -v ON_ERROR_STOP=1 "$url" -f "$migration" >/dev/null
done

touch platform/src/lib.rs
SQLX_OFFLINE=false SQLX_OFFLINE_DIR="$fresh" DATABASE_URL="$url" cargo check -q -p platform --features testing
touch platform/src/lib.rs
rm -rf .sqlx
mkdir .sqlx
cp "$fresh"/query-*.json .sqlx/
echo "wrote $(ls .sqlx | wc -l) statements to .sqlx"
