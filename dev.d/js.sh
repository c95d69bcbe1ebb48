# mqtt.js for the system tests: node_modules of tests/js/package-lock.json, made once.
js_install() {
    local want
    want=$(sha1sum <"$root/tests/js/package-lock.json" | cut -c1-12)
    test_js="$cache_dir/js-$want"
    export NODE_PATH="$test_js/node_modules"
    if [[ -e "$test_js/.complete" ]]; then return; fi
    # Some packages of node bring npm along and conflict with Debian's.
    command -v node >/dev/null && command -v npm >/dev/null || need_packages js
    say "installing the tests' JavaScript packages in $test_js"
    rm -rf "$test_js"
    mkdir -p "$test_js"
    cp "$root/tests/js/package.json" "$root/tests/js/package-lock.json" "$test_js"
    (cd "$test_js" && npm ci --ignore-scripts --no-audit --no-fund --silent >&2) ||
        die "npm could not install tests/js/package-lock.json"
    touch "$test_js/.complete"
}
