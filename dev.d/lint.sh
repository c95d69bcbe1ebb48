# The layout of the code (clang-format) and a short list of checks (clang-tidy, see .clang-tidy).

# Our own sources, as git knows them; new files count before they are added.
sources() {
    git -C "$root" ls-files -co --exclude-standard -- "$@" |
        while IFS= read -r file; do if [[ -e "$root/$file" ]]; then printf '%s\n' "$file"; fi; done
}

lint_format() {
    say "checking the layout of the code with clang-format"
    (cd "$root" && sources '*.c' '*.h' '*.cpp' '*.hpp' | xargs -r clang-format --dry-run -Werror) ||
        die "run ./dev format"
}

# One stamp per unit and state of everything it may include: what was clean stays unchecked.
tidy_one() {
    local unit=$1 state=$2 stamp
    stamp="$tidy/stamps/$(sed -n 's/^#include "\(.*\)"$/\1/p' "$unit" | xargs cat | cat - <(echo "$unit $state") |
        sha1sum | cut -c1-40)"
    if [[ -e $stamp ]]; then return 0; fi
    if (cd "$root" && clang-tidy --quiet -p "$tidy" "$unit" 2>"$stamp.log"); then
        touch "$stamp"
        rm -f "$stamp.log"
    else
        grep -v 'warnings\? generated\|^Suppressed\|^Use -header-filter' "$stamp.log" || true
        rm -f "$stamp.log"
        printf 'clang-tidy: %s\n' "$unit"
        return 1
    fi
}

# As a unity build: most of the time goes into the headers, which are looked at once per unit.
lint_tidy() {
    local state
    tidy="$root/build/lint"
    mkdir -p "$tidy/stamps"
    cmake -S "$root" --preset fuzz -B "$tidy" -DCMAKE_UNITY_BUILD=ON -DCMAKE_UNITY_BUILD_BATCH_SIZE=12 \
        -DWEFT_FUZZ=OFF >"$tidy.configure.log" 2>&1 || { cat "$tidy.configure.log" >&2; die "cmake failed"; }
    # Headers that are made: only their own commands, not the libraries that CMake puts before them.
    ninja -C "$tidy" -t targets all | sed -n 's/^\([^:]*generated\/[^:]*\.hpp\):.*/\1/p' |
        while IFS= read -r header; do
            mkdir -p "$(dirname "$tidy/$header")"
            ninja -C "$tidy" -t commands "$header" | tail -n 1 | (cd "$tidy" && bash) ||
                die "$header cannot be made"
        done
    state=$(cd "$root" && sources '*.h' '*.hpp' .clang-tidy | xargs cat | sha1sum | cut -c1-40)
    say "clang-tidy"
    export root state tidy
    export -f tidy_one
    grep -o '"file": "[^"]*/Unity/[^"]*_cxx.cxx"' "$tidy/compile_commands.json" | cut -d'"' -f4 | sort -u |
        xargs -r -P "$jobs" -I{} bash -c 'tidy_one "$1" "$state"' _ {} || die "clang-tidy found problems"
}

lint_command() {
    need_packages build lint fuzz
    mkdir -p "$root/build"
    case "${1:-all}" in
    format) lint_format ;;
    tidy) lint_tidy ;;
    all) lint_format && lint_tidy ;;
    *) die "usage: ./dev lint [format|tidy]" ;;
    esac
}

format_command() {
    need_packages lint
    (cd "$root" && sources '*.c' '*.h' '*.cpp' '*.hpp' | xargs -r clang-format -i)
}
