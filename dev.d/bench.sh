# Comparison with mosquitto on this machine, in one run; the figures go to docs/benchmarks.md.
bench_command() {
    need_packages build kafka bench
    build_preset release
    kafka_install
    python3 "$root/bench/run.py" --build "$root/build/release" "$@"
}
