#!/bin/sh
# Sets each secret of which NAME_FILE names the file, then becomes the command. PostgreSQL's image has the same custom.
# `docker compose exec` does not come through here; `docker compose run --rm deploy bandcast doctor` does.
set -eu
for name in PGPASSWORD PREFECT_API_AUTH_STRING PREFECT_SERVER_API_AUTH_STRING BANDCAST_DATABASE_URL BANDCAST_NOTIFY_URL; do
    eval "path=\${${name}_FILE:-}"
    if [ -n "$path" ]; then
        value=$(cat "$path")  # without its last newline; a file that cannot be read ends the container
        export "$name=$value"
        unset "${name}_FILE"
    fi
done
exec "$@"
