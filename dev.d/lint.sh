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

# One stamp per source and state of everything it may include: what was clean stays unchecked.
tidy_one() {
    local file=$1 state=$2 stamp
    stamp="$root/build/tidy/$(printf '%s %s' "$file $state" "$(sha1sum <"$root/$file")" | sha1sum | cut -c1-40)"
    if [[ -e $stamp ]]; then return 0; fi
    if (cd "$root" && clang-tidy --quiet -p "$root/build/fuzz" "$file" 2>"$stamp.log"); then
        touch "$stamp"
        rm -f "$stamp.log"
    else
        grep -v 'warnings\? generated\|^Suppressed\|^Use -header-filter' "$stamp.log" || true
        rm -f "$stamp.log"
        printf 'clang-tidy: %s\n' "$file"
        return 1
    fi
}

lint_tidy() {
    local state known
    if [[ ! -e "$root/build/fuzz/compile_commands.json" ]]; then build_preset fuzz fuzzers; fi
    # Headers made from schemas, also those of sources that no fuzzer needs.
    ninja -C "$root/build/fuzz" -t targets all | sed -n 's/^\([^:]*schema\.hpp\):.*/\1/p' |
        xargs -r ninja -C "$root/build/fuzz" >&2 || die "the schemas cannot be embedded"
    mkdir -p "$root/build/tidy"
    state=$(cd "$root" && sources '*.h' '*.hpp' .clang-tidy | xargs cat | sha1sum | cut -c1-40)
    known=$(grep -o '"file": "[^"]*"' "$root/build/fuzz/compile_commands.json" | cut -d'"' -f4)
    say "clang-tidy"
    export root state
    export -f tidy_one
    sources '*.cpp' | while IFS= read -r file; do
        if grep -qxF "$root/$file" <<<"$known"; then printf '%s\n' "$file"; fi
    done | xargs -r -P "$jobs" -I{} bash -c 'tidy_one "$1" "$state"' _ {} || die "clang-tidy found problems"
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
