# The interpreter of the system tests: a virtual environment with tests/requirements.txt, made once.
python_install() {
    local want
    want=$(sha1sum <"$root/tests/requirements.txt" | cut -c1-12)
    test_python="$cache_dir/venv-$want/bin/python"
    if [[ -e "$cache_dir/venv-$want/.complete" ]]; then return; fi
    need_packages test
    say "making a Python environment for the tests in $cache_dir/venv-$want"
    # Debian's own interpreter, whatever else comes first in PATH.
    local python=/usr/bin/python3
    [[ -x $python ]] || python=python3
    rm -rf "$cache_dir/venv-$want"
    "$python" -m venv "$cache_dir/venv-$want"
    "$test_python" -m pip install -q --disable-pip-version-check -r "$root/tests/requirements.txt" >&2 ||
        die "pip could not install tests/requirements.txt"
    touch "$cache_dir/venv-$want/.complete"
}
