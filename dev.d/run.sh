# The example, running: a Kafka if none was named, its topics, and weft until Ctrl-C.
run_command() {
    local weft="$root/build/release/bin/weft"
    started_kafka='' weft_pid=''
    need_packages build run
    build_preset release
    if [[ -z "${KAFKA_BOOTSTRAP_SERVER:-}" ]]; then
        need_packages kafka
        if ! kafka_pid >/dev/null; then started_kafka=1; fi
        trap run_stop EXIT
        KAFKA_BOOTSTRAP_SERVER=$(kafka_start)
        export KAFKA_BOOTSTRAP_SERVER
        kafka_topics "$KAFKA_BOOTSTRAP_SERVER"
    fi

    trap run_stop EXIT
    # weft gets a session of its own, so that Ctrl-C reaches only this script, which ends weft in order.
    trap 'kill -TERM "$weft_pid" 2>/dev/null || true' INT TERM
    say "starting weft on port 7183 with Kafka at $KAFKA_BOOTSTRAP_SERVER; Ctrl-C ends it"
    cd "$root"
    setsid "$weft" start -c examples/mqtt.kafka.proxy/zilla.yaml "$@" &
    weft_pid=$!
    if "$weft" status --wait-ready --timeout 60 >/dev/null 2>&1; then
        say "ready; in another shell, try:"
        printf '  %s\n' \
            "mosquitto_sub -p 7183 -V mqttv5 -t 'device/#' -q 1 -v" \
            "mosquitto_pub -p 7183 -t device/1 -m hi -q 1" \
            "kcat -b $KAFKA_BOOTSTRAP_SERVER -C -t mqtt-devices -f '%k %h %s\\n'" >&2
    fi
    local status=0
    # A trapped signal ends `wait` early, so ask again while weft lives.
    while :; do
        wait "$weft_pid" && status=0 || status=$?
        kill -0 "$weft_pid" 2>/dev/null || break
    done
    weft_pid=''
    exit "$status"
}

# Ends what `./dev run` started, whatever ended it.
run_stop() {
    trap '' INT TERM
    if [[ -n $weft_pid ]] && kill -TERM "$weft_pid" 2>/dev/null; then wait "$weft_pid" || true; fi
    if [[ -n $started_kafka ]]; then kafka_stop; fi
}
