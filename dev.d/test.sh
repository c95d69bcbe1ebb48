# Everything that must pass: unit tests in three builds, the fuzzers, the lint, and the system tests
# on a real Kafka. One ctest run over all of it, so its summary is the last word.
#
#   WEFT_TEST_FILTER   ctest -R expression, to run some of it
test_command() {
    local fuzz_seconds=60 server_fuzz_seconds=10 started=$SECONDS configuration=short
    case "${1:-}" in
    '') ;;
    --long) fuzz_seconds=900 server_fuzz_seconds=600 configuration=long ;;
    *) die "usage: ./dev test [--long]" ;;
    esac
    need_packages build kafka lint fuzz test
    python_install
    js_install
    kafka_install
    build_preset release
    build_preset asan
    build_preset tsan
    build_preset fuzz fuzzers
    say "built after $((SECONDS - started)) s"

    local check="$root/build/check"
    mkdir -p "$check"
    test_list >"$check/CTestTestfile.cmake"
    # The Kafka that the system tests share; those that break one start their own.
    kafka_dir="$check/kafka"
    kafka_stop 2>/dev/null
    rm -rf "$kafka_dir"
    trap 'kafka_stop 2>/dev/null' EXIT
    WEFT_TEST_KAFKA=$(WEFT_KAFKA_PORT=19092 kafka_start)
    export WEFT_TEST_KAFKA WEFT_TEST_PYTHON="$test_python" WEFT_FUZZ_SECONDS="$fuzz_seconds"
    export WEFT_SERVER_FUZZ_SECONDS="$server_fuzz_seconds"
    local status=0
    # One more than there are cores: the system tests wait for brokers and clocks most of the time.
    ctest --test-dir "$check" -C "$configuration" -j "$((jobs + 1))" --output-on-failure --timeout 600 --no-tests=error \
        --output-junit "$check/junit.xml" ${WEFT_TEST_FILTER:+-R "$WEFT_TEST_FILTER"} || status=$?
    say "tested after $((SECONDS - started)) s"
    return "$status"
}

test_list() {
    cat <<END
# Written by ./dev test.
add_test(lint.format "$root/dev" lint format)
add_test(lint.tidy "$root/dev" lint tidy)
add_test(fuzz "$root/dev.d/fuzz")
set_tests_properties(lint.tidy PROPERTIES TIMEOUT 900 COST 900)
set_tests_properties(lint.format lint.tidy PROPERTIES LABELS lint)
set_tests_properties(fuzz PROPERTIES LABELS fuzz TIMEOUT 1800 COST 800)
subdirs("$root/build/release" "$root/build/asan" "$root/build/tsan")
END
}
