#!/usr/bin/env bash
# RedisShake as the tool of a rehearsal: it follows the source as a replica does, and writes to the target.
#
#   redis-rehearsal rehearse --strategy external \
#     --command deploy/examples/redis-shake.sh --ready-command 'deploy/examples/redis-shake.sh ready' \
#     --settle 1s --max-event-downtime 2s
#
# REDIS_SHAKE names the program where it is not on the path; STATUS_PORT is where it says how far it is.
set -euo pipefail

port=${STATUS_PORT:-6479}
if [ "${1:-}" = ready ]; then
	# `consistent` says that its queues are drained, not that the data is equal: the verdict sees to that.
	curl -fsS "http://127.0.0.1:$port/" | grep -q '"consistent": *true'
	exit
fi

# In the run's directory, which is closed to others: there are passwords in it.
umask 077
place="$RUN_DIRECTORY/redis-shake"
mkdir -p "$place"
cat >"$place/shake.toml" <<TOML
[sync_reader]
address = "$SOURCE_HOST:$SOURCE_PORT"
username = "$SOURCE_USERNAME"
password = "$SOURCE_PASSWORD"
sync_rdb = true
sync_aof = true

[redis_writer]
address = "$TARGET_HOST:$TARGET_PORT"
username = "$TARGET_USERNAME"
password = "$TARGET_PASSWORD"

[filter]
# Each server has its own.
block_key_prefix = ["${KEY_PREFIX}lock"]

[advanced]
dir = "$place"
status_port = $port
rdb_restore_command_behavior = "rewrite"
TOML
exec "${REDIS_SHAKE:-redis-shake}" "$place/shake.toml"
