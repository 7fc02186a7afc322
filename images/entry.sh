#!/bin/sh
# The images' entry point. By hand it is only a door: the command takes its place. Under the runner it
# starts the command, passes signals on, keeps the exit code, and then reports what the container's
# cgroup knows, because the cgroup is gone once the container has ended.

if [ -z "$STAGERUN_RUN_ID" ]; then
    exec "$@"
fi

child='' passed='' default_signals=''

pass_on() {
    passed=$1
    [ -z "$child" ] || kill -s "$1" "$child" 2>/dev/null
}

# A shell without job control starts background commands deaf to INT; env gives them their ears back.
if env --default-signal=INT true 2>/dev/null; then
    default_signals='env --default-signal=INT,QUIT'
fi

trap 'pass_on TERM' TERM
trap 'pass_on INT' INT
exec 3<&0
$default_signals "$@" <&3 3<&- &
child=$!
exec 3<&-
[ -z "$passed" ] || kill -s "$passed" "$child" 2>/dev/null

wait "$child"
code=$?
while [ "$code" -gt 128 ] && [ -n "$passed" ]; do # the signal ended the wait, perhaps not the command
    passed=''
    wait "$child"
    again=$?
    [ "$again" -ne 127 ] || break # it had ended before
    code=$again
done

# number FILE: the file's only number; null when there is none
number() {
    value=''
    [ ! -r "$1" ] || read -r value <"$1" 2>/dev/null
    case $value in '' | *[!0-9]*) value=null ;; esac
}

# entry FILE KEY: the number behind a key; null when there is none
entry() {
    value=null
    [ -r "$1" ] || return
    while read -r key rest; do
        [ "$key" != "$2" ] || value=$rest
    done <"$1"
}

# seconds UNITS: $value from UNITS a second to seconds with six decimals; nothing here may need a new
# process, because the stage may have used them all up
seconds() {
    [ "$value" != null ] || return
    fraction=$((1000000 + value % $1 / ($1 / 1000000)))
    value=$((value / $1)).${fraction#1}
}

# transferred FILE: bytes read and written over all block devices, from v1's or v2's file
transferred() {
    read_bytes=null written_bytes=null
    [ -r "$1" ] || return
    read_bytes=0 written_bytes=0
    while read -r device words; do
        case $words in
        Read\ *) read_bytes=$((read_bytes + ${words#Read })) ;;
        Write\ *) written_bytes=$((written_bytes + ${words#Write })) ;;
        esac
        for word in $words; do
            case $word in
            rbytes=*) read_bytes=$((read_bytes + ${word#rbytes=})) ;;
            wbytes=*) written_bytes=$((written_bytes + ${word#wbytes=})) ;;
            esac
        done
    done <"$1"
}

groups=${STAGERUN_CGROUPS:-/sys/fs/cgroup}
if [ -r "$groups/memory/memory.oom_control" ]; then # version 1
    entry "$groups/memory/memory.oom_control" oom_kill; oom_kills=$value
    number "$groups/memory/memory.max_usage_in_bytes"; peak=$value
    number "$groups/cpuacct/cpuacct.usage"; seconds 1000000000; cpu=$value
    transferred "$groups/blkio/blkio.throttle.io_service_bytes"
else
    entry "$groups/memory.events" oom_kill; oom_kills=$value
    number "$groups/memory.peak"; peak=$value
    entry "$groups/cpu.stat" usage_usec; seconds 1000000; cpu=$value
    transferred "$groups/io.stat"
fi

printf '\036{"type":"end","exit_code":%d,"oom_kills":%s,"memory_peak_bytes":%s,"cpu_seconds":%s,"read_bytes":%s,"write_bytes":%s}\n' \
    "$code" "$oom_kills" "$peak" "$cpu" "$read_bytes" "$written_bytes" >&2
exit "$code"
