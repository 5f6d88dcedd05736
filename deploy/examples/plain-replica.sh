#!/usr/bin/env bash
# A plain replica as the tool of a rehearsal: the target follows the source, and is promoted once it has all.
#
#   redis-rehearsal rehearse --strategy external --command deploy/examples/plain-replica.sh --allow-server-wide
#
# What is written between the promotion and the freeze that follows is lost, and the verdict says how much: `replicate`
# promotes while writes are held. REPLICAOF erases what the target holds, in all its databases.
set -euo pipefail

target() {
	# No password on a command line, where others see it.
	if [ -n "$TARGET_PASSWORD" ]; then
		export REDISCLI_AUTH="$TARGET_PASSWORD"
	fi
	redis-cli -h "$TARGET_HOST" -p "$TARGET_PORT" ${TARGET_USERNAME:+--user "$TARGET_USERNAME"} "$@"
}

put_back() {
	printf 'CONFIG SET masteruser ""\nCONFIG SET masterauth ""\n' | target >/dev/null
}

if [ -n "$SOURCE_PASSWORD" ]; then
	trap put_back EXIT
	printf 'CONFIG SET masteruser "%s"\nCONFIG SET masterauth "%s"\n' "$SOURCE_USERNAME" "$SOURCE_PASSWORD" | target
fi
target REPLICAOF "$SOURCE_HOST" "$SOURCE_PORT"
until target INFO replication | grep -q '^master_link_status:up'; do
	sleep 0.1
done
target REPLICAOF NO ONE
