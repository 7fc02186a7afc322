#!/bin/sh
# Counts the lines of a text: a whole stage in plain sh.
set -eu

job=${OUTPUT_DIR:-out}
id=50_lines name=lines number=50
folder=$job/$id
request=$job/.stagerun/runs/${STAGERUN_RUN_ID:-none}/request.json
started=$(date -u +%Y-%m-%dT%H:%M:%SZ) began=$(date +%s)
status=running inputs='' outputs='' errors='' summary='' count=all child=''

# quoted TEXT: as a string of JSON
quoted() {
    printf '"%s"' "$(printf %s "$1" | tr '\000-\037' ' ' | sed 's/[\\"]/\\&/g')"
}

# log LEVEL TEXT: to stage.log, and from INFO on to standard error: as a record for the runner, or plain
log() {
    now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
    printf '%s %-7s %s\n' "$now" "$1" "$2" >>"$folder/stage.log"
    case $1 in DEBUG) return ;; esac
    if [ -n "${STAGERUN_RUN_ID:-}" ]; then
        printf '\036{"type":"log","time":"%s","level":"%s","message":%s}\n' "$now" "$1" "$(quoted "$2")" >&2
    else
        printf '%s %-7s %s\n' "$now" "$1" "$2" >&2
    fi
}

# write_manifest: a new file takes the old one's place, so that nobody ever reads half of one
write_manifest() {
    completed=null duration=null run=null
    [ -z "${STAGERUN_RUN_ID:-}" ] || run=$(quoted "$STAGERUN_RUN_ID")
    if [ "$status" != running ]; then
        completed=$(quoted "$(date -u +%Y-%m-%dT%H:%M:%SZ)") duration=$(($(date +%s) - began))
    fi
    cat >"$folder/.cache/manifest.json" <<END
{"schema_version": 1, "stage": "$name", "stage_number": $number, "stage_id": "$id",
 "run_id": $run, "status": "$status", "summary": $(quoted "$summary"),
 "timestamp": "$started", "completed_at": $completed, "duration_seconds": $duration,
 "inputs": [$inputs], "outputs": [$outputs], "intermediate_files": [],
 "config": {"count": "$count"}, "warnings": [], "errors": [$errors]}
END
    mv "$folder/.cache/manifest.json" "$folder/manifest.json"
}

# fail TEXT: says why, and ends
fail() {
    log ERROR "$1"
    errors="{\"message\": $(quoted "$1")}"
    exit 1
}

# ended CODE: every way out comes by here; only the last line of the stage sets another status
ended() {
    trap - EXIT
    [ "$status" = success ] || status=failed
    [ "$status" = success ] || [ -n "$errors" ] || errors="{\"message\": \"ended with exit code $1\"}"
    write_manifest
    exit "$1"
}

# patiently COMMAND: run it so that a signal is heard at once, and not when it has ended
patiently() {
    "$@" &
    child=$!
    wait "$child"
}

# setting KEY: from request.json, which has one key a line; nothing without the runner
setting() {
    [ ! -r "$request" ] || sed -n "/^ *\"$1\": {/,/}/s/^ *\"value\": \"\(.*\)\",\{0,1\}$/\1/p" "$request"
}

# input NAME: its path inside the job, from request.json likewise
input() {
    [ ! -r "$request" ] || sed -n "/^ *\"inputs\": {/,\$ { /^ *\"$1\": \[/,/]/s/^ *\"path\": \"\(.*\)\",\$/\1/p; }" "$request"
}

mkdir -p "$folder/.cache"
trap 'ended $?' EXIT
trap 'kill $child 2>/dev/null || :; fail "stopped by SIGTERM"' TERM
write_manifest # from now on there is a manifest: a stage that is killed has failed

[ "$(setting COUNT)" != written ] || count=written
text=$(input text)
[ -n "$text" ] || fail "There is no input 'text': the runner names it in request.json."
inputs="{\"name\": \"text\", \"type\": \"text\", \"path\": $(quoted "$text")}"
[ -s "$job/$text" ] || fail "$text is empty: there is nothing to count."

log DEBUG "reading $text"
pattern=''
[ "$count" = all ] || pattern='[^[:space:]]'
patiently grep -c "$pattern" "$job/$text" >"$folder/.cache/lines" || [ $? = 1 ] # 1: there are none
read -r lines <"$folder/.cache/lines"

printf '{"lines": %d}\n' "$lines" >"$folder/counts.json"
outputs="{\"name\": \"counts\", \"type\": \"line counts\", \"path\": \"$id/counts.json\"}"
summary="$lines lines"
log INFO "$summary"
status=success
