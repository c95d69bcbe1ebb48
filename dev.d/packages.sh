# What ./dev needs from the machine's package manager (Debian 12 and its relatives).
packages_build=(
    build-essential cmake ninja-build pkg-config ccache git
    libboost1.81-dev libboost-filesystem1.81-dev libboost-system1.81-dev
    librdkafka-dev libyaml-cpp-dev libvalijson-dev nlohmann-json3-dev libfmt-dev libspdlog-dev
    libcli11-dev libxxhash-dev libmimalloc-dev libssl-dev libcurl4-openssl-dev zlib1g-dev
    libgtest-dev libgmock-dev libbenchmark-dev
)
packages_kafka=(default-jre-headless maven python3)
packages_run=(mosquitto-clients kcat)
packages_lint=(clang-format clang-tidy clang libclang-rt-14-dev)
packages_bench=(mosquitto)
packages_js=(nodejs npm)
packages_fuzz=(clang libclang-rt-14-dev)
packages_test=(
    python3-venv mosquitto mosquitto-clients kcat openssl binutils abigail-tools clang libc++-dev libc++abi-dev chromium
    qemu-system-x86 busybox-static cpio
)

# need_packages build kafka ...: installs what these groups lack, and says so.
need_packages() {
    local group package missing=()
    for group in "$@"; do
        local -n list="packages_$group"
        for package in "${list[@]}"; do
            dpkg-query -W -f='${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^ii' ||
                missing+=("$package")
        done
    done
    ((${#missing[@]})) || return 0

    command -v apt-get >/dev/null || die "please install: ${missing[*]} (only apt is known here)"
    local as_root=()
    if ((EUID != 0)); then
        command -v sudo >/dev/null || die "please install as root: apt-get install ${missing[*]}"
        as_root=(sudo)
    fi
    say "installing with apt: ${missing[*]}"
    # Debian's mosquitto package would start a broker on port 1883; only the program is wanted.
    local policy=/usr/sbin/policy-rc.d made_policy=
    if [[ " ${missing[*]} " == *" mosquitto "* && ! -e $policy ]]; then
        printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
        "${as_root[@]}" chmod +x "$policy"
        made_policy=1
    fi
    local status=0
    "${as_root[@]}" apt-get update -q >&2 &&
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q \
            --no-install-recommends "${missing[@]}" >&2 || status=$?
    if [[ -n $made_policy ]]; then "${as_root[@]}" rm -f "$policy"; fi
    ((status == 0)) || die "apt could not install: ${missing[*]}"
}
