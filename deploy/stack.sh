#!/usr/bin/env bash
# What make's targets do about the Docker Compose stack, and which of stack and `make run` they are about.
# Usage: deploy/stack.sh COMMAND [flags that are passed on]; make says what the commands are.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly PROJECT=redis-rehearsal
readonly COMPOSE_FILE=deploy/compose.yaml
readonly DEV_FILE=deploy/compose.dev.yaml
readonly ENV_FILE=deploy/.env
readonly REHEARSAL=.venv/bin/redis-rehearsal
readonly ADDRESS=${BIND_ADDRESS:-127.0.0.1:3000}
readonly STACK_ADDRESS=127.0.0.1:3000
readonly SECRETS=(CONTROL_TOKEN SOURCE_PASSWORD TARGET_PASSWORD POSTGRES_PASSWORD)
readonly SERVERS=(postgres source target redis-exporter-source redis-exporter-target postgres-exporter prometheus grafana)
readonly START_SECONDS=420
readonly USAGE_EXIT_CODE=2

# On stderr, so that what is asked for can be piped.
say() { printf '%s\n' "$*" >&2; }
refuse() {
    say "$*"
    exit "$USAGE_EXIT_CODE"
}

# Prints why there is no Docker to use; fails where there is one.
docker_trouble() {
    local error
    if ! command -v docker >/dev/null; then
        echo "Docker is not installed here"
    elif ! error=$(docker version --format '{{.Server.Version}}' 2>&1 >/dev/null); then
        echo "the Docker engine does not answer (${error##*$'\n'})"
    elif ! docker compose version >/dev/null 2>&1; then
        echo "Docker has no Compose plugin here (docker compose)"
    else
        return 1
    fi
}

need_docker() {
    local trouble
    if trouble=$(docker_trouble); then
        say "The stack needs Docker with its Compose plugin, and $trouble."
        refuse "Without Docker, make run starts the platform with servers of its own; make help shows the rest."
    fi
}

# The file is the only place for what is secret: Compose would prefer the shell's variables.
compose() {
    local unset=() name
    for name in "${SECRETS[@]}"; do unset+=(-u "$name"); done
    env "${unset[@]}" docker compose --project-name "$PROJECT" --env-file "$ENV_FILE" --file "$COMPOSE_FILE" "$@"
}

# Ids of the stack's containers; of one service where it is named. Further arguments are for docker ps.
containers() {
    local filters=(--filter "label=com.docker.compose.project=$PROJECT")
    if [ -n "$1" ]; then filters+=(--filter "label=com.docker.compose.service=$1"); fi
    shift
    docker ps --quiet "${filters[@]}" "$@"
}

in_env_file() { if [ -f "$ENV_FILE" ]; then sed -n "s/^$1=//p" "$ENV_FILE" | tail -n 1; fi; }

random_secret() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

# Makes what is secret at the first start and keeps it: the volumes of PostgreSQL know the password.
write_env_file() {
    local token=${CONTROL_TOKEN:-} name value
    if [ -n "$token" ] && ! [[ $token =~ ^[A-Za-z0-9._~+/=-]{8,}$ ]]; then
        refuse "CONTROL_TOKEN must be at least 8 of the characters A-Z a-z 0-9 . _ ~ + / = - for the stack."
    fi
    (
        umask 077
        {
            echo "# Written by make up. The passwords go with the stack's volumes; make clean removes both."
            for name in "${SECRETS[@]}"; do
                value=$(in_env_file "$name")
                if [ "$name" = CONTROL_TOKEN ] && [ -n "$token" ]; then value=$token; fi
                echo "$name=${value:-$(random_secret)}"
            done
        } >"$ENV_FILE.part"
        mv "$ENV_FILE.part" "$ENV_FILE"
    )
}

check_load() {
    case ${LOAD:-} in
        "") unset LOAD ;;
        ultra | high | demo | low) ;;
        *) refuse "LOAD is '$LOAD'; it must be ultra, high, demo or low. Without it: 10,000 queries and 1,000 events a second." ;;
    esac
}

# Sets STACK_APP to the id of the stack's application where that runs, and says which of the two is meant.
STACK_APP=""
which_runs() {
    local servers=""
    if ! docker_trouble >/dev/null; then
        STACK_APP=$(containers app)
        servers=$(containers "")
    fi
    if [ -n "$STACK_APP" ]; then
        say "The Docker Compose stack is running: this is about it."
    else
        if [ -n "$servers" ]; then
            say "The Docker Compose stack's servers are running without its application: make logs-all may say why, make down ends them."
        else
            say "The Docker Compose stack is not running."
        fi
        say "This is about the run on this machine, at $ADDRESS."
        if [ ! -x "$REHEARSAL" ]; then refuse "There is none: nothing is installed here yet. make run or make up starts one."; fi
    fi
}

# Copies the documents of runs from the stack's volume to where `make run` leaves them.
save_runs() {
    local app
    app=$(containers app --all | head -n 1)
    if [ -z "$app" ]; then return 0; fi
    mkdir -p runs
    if ! docker cp "$app:/runs/." runs/ >/dev/null; then
        say "The documents of runs could not be copied from the stack's volume to runs/."
        return 1
    fi
    say "The documents of the stack's runs are in runs/."
}

up() {
    check_load
    need_docker
    write_env_file
    if ! compose up --detach --build --wait --wait-timeout "$START_SECONDS" "$@"; then
        say "The stack did not start. make logs-all shows why, and make down removes what did start."
        say "Where a port is in use (3000, 3001 or 9090), end what has it; make stop ends a run on this machine."
        exit 1
    fi
    say "The stack runs: http://localhost:3000, Prometheus at http://localhost:9090, Grafana at http://localhost:3001 (admin/admin)."
    say "The page needs the control token, which is in $ENV_FILE; make token shows it. make down ends the stack."
}

down() {
    need_docker
    if [ -z "$(containers "" --all)" ]; then
        say "The Docker Compose stack is not there; nothing to end."
        return 0
    fi
    write_env_file
    compose stop
    save_runs || say "They stay in the volume."
    compose down --remove-orphans "$@"
    say "The stack has ended. Its volumes are kept; make clean removes them."
}

stop() {
    which_runs
    if [ -n "$STACK_APP" ]; then down "$@"; else "$REHEARSAL" stop --bind-address "$ADDRESS" "$@"; fi
}

# The servers from the stack, the application from the checkout, until Ctrl-C.
dev() {
    check_load
    need_docker
    if [ -n "$(containers app)" ]; then refuse "The stack's own application is running; make down ends it."; fi
    write_env_file
    compose --file "$DEV_FILE" up --detach --wait --wait-timeout "$START_SECONDS" "${SERVERS[@]}"
    say "The stack's servers run; Ctrl-C ends the application, make down the servers."
    CONTROL_TOKEN=$(in_env_file CONTROL_TOKEN)
    REDIS_URL=redis://:$(in_env_file SOURCE_PASSWORD)@127.0.0.1:16379/0
    TARGET_REDIS_URL=redis://:$(in_env_file TARGET_PASSWORD)@127.0.0.1:16380/0
    DATABASE_URL=postgresql://rehearsal:$(in_env_file POSTGRES_PASSWORD)@127.0.0.1:15432/rehearsal
    RESET=${RESET:-true}
    export CONTROL_TOKEN REDIS_URL TARGET_REDIS_URL DATABASE_URL RESET
    exec "$REHEARSAL" run "$@"
}

# Asks the run; of the stack, in its container, so that nothing need be installed here.
ask() {
    local command=$1
    shift
    which_runs
    if [ -n "$STACK_APP" ]; then
        docker exec "$STACK_APP" redis-rehearsal "$command" --bind-address "$STACK_ADDRESS" "$@"
    else
        "$REHEARSAL" "$command" --bind-address "$ADDRESS" "$@"
    fi
}

health() {
    local code=0
    ask health "$@" || code=$?
    if [ -n "$STACK_APP" ]; then compose ps --all >&2; fi
    return "$code"
}

logs() {
    which_runs
    if [ -n "$STACK_APP" ]; then
        compose logs --no-log-prefix "$@" app
    else
        "$REHEARSAL" logs --bind-address "$ADDRESS" "$@"
    fi
}

logs_all() {
    need_docker
    if [ -z "$(containers "" --all)" ]; then refuse "The Docker Compose stack is not there; make logs shows the log of a run."; fi
    write_env_file
    compose logs "$@"
}

# Only what is ours: what Compose made for this project, and the image that was built here. Images that were
# pulled may serve others.
clean() {
    local trouble things
    if trouble=$(docker_trouble); then
        if [ -f "$ENV_FILE" ]; then say "What a stack left was not looked for: $trouble."; fi
        return 0
    fi
    things=$(
        containers "" --all
        docker volume ls --quiet --filter "label=com.docker.compose.project=$PROJECT"
        docker image ls --quiet --filter "label=com.docker.compose.project=$PROJECT"
    )
    if [ -n "$things" ]; then
        say "Removing the Docker Compose stack: its containers, networks, volumes, and the image that was built here."
        write_env_file
        if [ -n "$(containers app --all)" ]; then
            compose stop
            save_runs || refuse "Nothing was removed: they would be lost."
        fi
        compose down --volumes --rmi local --remove-orphans
        say "Images that were pulled are kept, since others may use them; docker image rm removes them."
    fi
    rm -f "$ENV_FILE"
}

page() {
    local name=$1 url=$2
    need_docker
    if [ -z "$(containers "$name")" ]; then refuse "The stack's $name is not running; make up starts it."; fi
    echo "$url"
    if [ "$(uname)" = Darwin ]; then
        open "$url"
    elif [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] && command -v xdg-open >/dev/null; then
        xdg-open "$url" >/dev/null 2>&1 || true
    fi
}

token() {
    if [ ! -f "$ENV_FILE" ]; then refuse "There is no token yet; make up makes it."; fi
    in_env_file CONTROL_TOKEN
}

command=${1:-}
if [ $# -gt 0 ]; then shift; fi
case $command in
    up | down | stop | dev | health | logs | clean | token) "$command" "$@" ;;
    logs-all) logs_all "$@" ;;
    metrics | stats) ask "$command" "$@" ;;
    build)
        need_docker
        write_env_file
        compose build "$@"
        ;;
    grafana) page grafana http://localhost:3001 ;;
    prometheus) page prometheus http://localhost:9090 ;;
    *) refuse "deploy/stack.sh: '$command' is no command of it; make help shows what there is." ;;
esac
