#!/usr/bin/env bash
# The step of action.yml that installs: what is pinned by hash, into a virtual environment of its own.
set -euo pipefail

here=$(cd "$(dirname "$0")/../.." && pwd)
place="${RUNNER_TEMP:?}/redis-rehearsal"
python -m venv "$place"
pip=("$place/bin/python" -m pip install --disable-pip-version-check)
"${pip[@]}" --require-hashes -r "$here/requirements-build.txt"
"${pip[@]}" --require-hashes -r "$here/requirements-app.txt" -r "$here/requirements-embedded.txt"
"${pip[@]}" --no-deps --no-build-isolation "$here"
"$place/bin/redis-rehearsal" --version
