# Paths and messages shared by the parts of ./dev.
cache_dir="${XDG_CACHE_HOME:-$HOME/.cache}/weft"
jobs="${WEFT_JOBS:-$(nproc)}"

say() { printf '\033[1m==> %s\033[0m\n' "$*" >&2; }
die() {
    printf 'dev: %s\n' "$*" >&2
    exit 1
}

# True when something on this machine listens on 127.0.0.1:$1.
port_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# The first free port at or above $1.
free_port() {
    local port
    for ((port = $1; port < $1 + 200; port++)); do
        port_taken "$port" || {
            echo "$port"
            return
        }
    done
    die "no free port between $1 and $port"
}
