# Building: one folder below build/ per preset of CMakePresets.json.

# ccache then knows a file again from another clone, too.
export CCACHE_BASEDIR="$root" CCACHE_NOHASHDIR=1

# build_preset PRESET [TARGET ...]
build_preset() {
    local preset=$1
    shift
    mkdir -p "$root/build"
    if [[ ! -e "$root/build/$preset/build.ninja" ]]; then
        say "configuring build/$preset"
        (cd "$root" && cmake --preset "$preset" >"$root/build/$preset.configure.log" 2>&1) || {
            cat "$root/build/$preset.configure.log" >&2
            rm -f "$root/build/$preset/build.ninja"
            die "cmake --preset $preset failed"
        }
    fi
    say "building build/$preset"
    ninja -C "$root/build/$preset" -j "$jobs" "$@" >&2 || die "the $preset build failed"
}

build_command() {
    local preset
    need_packages build
    (($#)) || set -- release
    for preset in "$@"; do
        if [[ $preset == fuzz ]]; then need_packages fuzz; fi
        build_preset "$preset"
    done
}
