#!/usr/bin/env bash
# The step of action.yml that rehearses. What is given comes in the environment, so that a shell runs none of it.
set -euo pipefail

# What is not given must not take the place of what the job or a scenario says.
if [ -n "${REHEARSAL_SOURCE:-}" ]; then
	export REDIS_URL="$REHEARSAL_SOURCE"
fi
if [ -n "${REHEARSAL_TARGET:-}" ]; then
	export TARGET_REDIS_URL="$REHEARSAL_TARGET"
fi
if [ -n "${REHEARSAL_DATABASE:-}" ]; then
	export DATABASE_URL="$REHEARSAL_DATABASE"
fi
# With these names nothing else needs them, nor shows them.
unset REHEARSAL_SOURCE REHEARSAL_TARGET REHEARSAL_DATABASE
mkdir -p "$REHEARSAL_REPORT"
arguments=(rehearse)
if [ -n "${REHEARSAL_STRATEGY:-}" ]; then
	arguments+=(--strategy "$REHEARSAL_STRATEGY")
fi
arguments+=(--report "$REHEARSAL_REPORT" --junit "$REHEARSAL_REPORT/junit.xml")
if [ -n "${REHEARSAL_CONFIG:-}" ]; then
	arguments+=(--config "$REHEARSAL_CONFIG")
fi
# A runner does not bear the default load; but what was given decides.
if [ -z "${REHEARSAL_CONFIG:-}${REHEARSAL_FLAGS:-}" ]; then
	arguments+=(--load=high)
fi
# A flag on a line, with or without its dashes: max-event-downtime=1s
while IFS= read -r line; do
	line="${line#"${line%%[![:space:]]*}"}"
	line="${line%"${line##*[![:space:]]}"}"
	if [ -n "$line" ] && [ "${line:0:1}" != "#" ]; then
		arguments+=("--${line#--}")
	fi
done <<<"${REHEARSAL_FLAGS:-}"$'\n'"${REHEARSAL_LIMITS:-}"

code=0
"${REHEARSAL_PROGRAM:-redis-rehearsal}" "${arguments[@]}" || code=$?
case "$code" in
0) verdict=pass ;;
1) verdict=fail ;;
*) verdict=unknown ;;
esac
{
	echo "verdict=$verdict"
	echo "report=$REHEARSAL_REPORT"
} >>"${GITHUB_OUTPUT:-/dev/null}"
exit "$code"
