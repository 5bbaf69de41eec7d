#!/bin/sh
# Pin what pyproject.toml and its extras bring, on every system and Python from 3.10 on.
# Pins that are there are kept where they still fit; UPGRADE=1 takes the newest of everything.
# The file holds names, versions and markers, and no address: it works with any package index.
set -eu
command -v uv >/dev/null || { echo "constraints need uv: pip install uv" >&2; exit 1; }
new=$(mktemp)
trap 'rm -f "$new"' EXIT
[ -n "${UPGRADE:-}" ] || ! [ -f constraints.txt ] || cp constraints.txt "$new"
uv pip compile pyproject.toml --all-extras --universal --python-version 3.10 --quiet \
    --no-header --no-annotate --no-emit-index-url --no-emit-find-links --output-file "$new"
if grep -n '://' "$new"; then
    echo "constraints.txt was left alone: the lines above hold addresses." >&2
    exit 1
fi
# mktemp makes a private file; a copy through cat keeps the usual permissions.
cat "$new" > constraints.txt.part
mv constraints.txt.part constraints.txt
