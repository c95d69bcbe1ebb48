# A local single-node Kafka (KRaft) for development and tests, from Maven artifacts.
#
#   WEFT_KAFKA_DIR    where its data, log and pid live   (default: the user's cache, kept over restarts)
#   WEFT_KAFKA_PORT   first port to try                  (default 9092; the next free one when taken)
#   WEFT_KAFKA_OWNER  pid of a process without which it should not go on (default none)
kafka_version=3.9.1
kafka_lib="$cache_dir/kafka/lib-$kafka_version"
kafka_dir="${WEFT_KAFKA_DIR:-$cache_dir/kafka/data}"
kafka_admin="$root/dev.d/kafka_admin.py"

kafka_install() {
    [[ -e "$kafka_lib/.complete-2" ]] && return
    say "fetching Kafka $kafka_version with Maven into $kafka_lib (once, about 50 MB)"
    mkdir -p "$kafka_lib"
    mvn -B -q -ntp -f "$root/dev.d/kafka/pom.xml" -Dkafka.version="$kafka_version" \
        org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
        -DincludeScope=runtime -DoutputDirectory="$kafka_lib" >&2 ||
        die "Maven could not fetch Kafka $kafka_version"
    touch "$kafka_lib/.complete-2"
}

kafka_java=(
    java -Xmx"${WEFT_KAFKA_HEAP:-512m}" -Xshare:auto -XX:+UseSerialGC -XX:+ExitOnOutOfMemoryError
    -Dlog4j.configuration="file:$root/dev.d/kafka/log4j.properties" -cp "$kafka_lib/*"
)

# The pid of the Kafka of $kafka_dir, if that very process runs.
kafka_pid() {
    local pid
    pid=$(cat "$kafka_dir/kafka.pid" 2>/dev/null) || return 1
    { tr '\0' '\n' <"/proc/$pid/cmdline"; } 2>/dev/null | grep -qxF "$kafka_dir/server.properties" || return 1
    echo "$pid"
}

# host:port of a running Kafka of $kafka_dir; fails when it does not run.
kafka_address() {
    kafka_pid >/dev/null && sed -n '0,/^advertised/s,^advertised.listeners=PLAINTEXT://,,p' "$kafka_dir/server.properties"
}

kafka_configure() {
    local port=$1 controller=$2
    cat >"$kafka_dir/server.properties" <<END
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller
advertised.listeners=PLAINTEXT://127.0.0.1:$port
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=$kafka_dir/logs
auto.create.topics.enable=false
default.replication.factor=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
group.initial.rebalance.delay.ms=0
num.network.threads=2
num.io.threads=4
log.cleaner.dedupe.buffer.size=16777216
END
    # What a test wants besides, for example a SASL listener; the last line of a name counts.
    if [[ -e "$kafka_dir/extra.properties" ]]; then
        sed -e "s/{port}/$port/g; s/{controller}/$controller/g" "$kafka_dir/extra.properties" \
            >>"$kafka_dir/server.properties"
    fi
}

kafka_start() {
    local address port controller
    if address=$(kafka_address); then
        say "Kafka runs already: $address"
    else
        kafka_install
        mkdir -p "$kafka_dir"
        port=$(free_port "${WEFT_KAFKA_PORT:-9092}")
        controller=$(free_port $((port + 1)))
        address="127.0.0.1:$port"
        kafka_configure "$port" "$controller"
        if [[ ! -e "$kafka_dir/logs/meta.properties" ]]; then
            say "formatting $kafka_dir"
            # No '-' in the id: at its beginning it would be taken for an option.
            "${kafka_java[@]}" kafka.tools.StorageTool format -g \
                -t "$(head -c 16 /dev/urandom | base64 | tr '+/' 'xy' | tr -d =)" \
                -c "$kafka_dir/server.properties" >"$kafka_dir/kafka.log" 2>&1 ||
                die "formatting failed: $(tail -n 3 "$kafka_dir/kafka.log")"
        fi
        say "starting Kafka $kafka_version on $address"
        # A session of its own: Ctrl-C in the terminal must not reach it.
        setsid nohup bash -c 'echo $$ >"$1/kafka.pid"; shift; exec "$@"' _ "$kafka_dir" \
            "${kafka_java[@]}" kafka.Kafka "$kafka_dir/server.properties" >>"$kafka_dir/kafka.log" 2>&1 </dev/null &
        if ! python3 "$kafka_admin" "$address" wait --seconds 180 >&2; then
            kafka_stop
            die "Kafka did not come up, see $kafka_dir/kafka.log"
        fi
        if [[ -n "${WEFT_KAFKA_OWNER:-}" ]]; then kafka_follow "$WEFT_KAFKA_OWNER"; fi
    fi
    echo "$address"
}

# Ends Kafka soon after the process $1 has ended, however that came.
kafka_follow() {
    local owner=$1 pid
    pid=$(kafka_pid) || return 0
    (
        trap '' HUP INT
        while kill -0 "$owner" 2>/dev/null && kill -0 "$pid" 2>/dev/null; do sleep 1; done
        if [[ $(kafka_pid) == "$pid" ]]; then kill "$pid"; fi
    ) >/dev/null 2>&1 </dev/null &
}

kafka_stop() {
    local pid
    pid=$(kafka_pid) || {
        say "Kafka does not run"
        return 0
    }
    say "stopping Kafka (pid $pid)"
    kill "$pid"
    # tail ends with the process: nothing to poll.
    timeout 30 tail --pid="$pid" -f /dev/null || kill -9 "$pid"
    rm -f "$kafka_dir/kafka.pid"
}

# The topics of examples/mqtt.kafka.proxy: sessions and retained hold the newest value per key.
kafka_topics() {
    local address=${1:-}
    [[ -n "$address" ]] || address=$(kafka_address) || die "Kafka does not run: ./dev kafka start"
    python3 "$kafka_admin" "$address" create \
        mqtt-sessions:3:compact mqtt-retained:3:compact mqtt-messages:3 mqtt-devices:3 >&2
}

# What a consumer group has read: Kafka's own kafka-consumer-groups --describe.
kafka_groups() {
    local group=${1:-} address=${2:-}
    [[ -n "$group" ]] || die "usage: ./dev kafka groups GROUP [ADDRESS]"
    [[ -n "$address" ]] || address=$(kafka_address) || die "Kafka does not run: ./dev kafka start"
    kafka_install
    "${kafka_java[@]}" org.apache.kafka.tools.consumer.group.ConsumerGroupCommand \
        --bootstrap-server "$address" --describe --group "$group"
}

kafka_command() {
    case "${1:-}" in
    start) need_packages kafka && kafka_start ;;
    stop) kafka_stop ;;
    topics) kafka_topics "${2:-}" ;;
    groups) need_packages kafka && kafka_groups "${2:-}" "${3:-}" ;;
    status) kafka_address || die "Kafka does not run" ;;
    *) die "usage: ./dev kafka start|stop|topics|groups|status" ;;
    esac
}
