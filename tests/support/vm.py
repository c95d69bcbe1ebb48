"""A virtual machine with another kernel than this machine's, and this machine's files: for what depends on the kernel.

Debian's own kernel, its modules and busybox make the first root; the second is this machine's, read-only, by 9p. Without
hardware virtualisation a start takes some five seconds.
"""

import os
import platform
import re
import shlex
import subprocess
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "weft"

# In the order in which they are loaded: the disk, then what TLS by the kernel needs.
MODULES = [
    "drivers/virtio/virtio_ring", "drivers/virtio/virtio", "drivers/virtio/virtio_pci_modern_dev",
    "drivers/virtio/virtio_pci_legacy_dev", "drivers/virtio/virtio_pci", "net/9p/9pnet", "net/9p/9pnet_virtio",
    "fs/netfs/netfs", "fs/fscache/fscache", "fs/9p/9p",
    "crypto/ctr", "crypto/gf128mul", "crypto/ghash-generic", "crypto/gcm", "lib/crypto/libchacha", "crypto/chacha_generic",
    "lib/crypto/libpoly1305", "crypto/poly1305_generic", "crypto/chacha20poly1305", "net/tls/tls",
]  # fmt: skip

INIT = """#!/bin/busybox sh
b=/bin/busybox
$b mkdir /proc /sys /dev /host
$b mount -t proc proc /proc && $b mount -t devtmpfs dev /dev
for module in /modules/*; do $b insmod $module; done
$b mount -t 9p -o trans=virtio,version=9p2000.L,ro,msize=512000,cache=loose host /host
$b mount -t proc proc /host/proc && $b mount -t sysfs sys /host/sys && $b mount -t devtmpfs dev /host/dev
for folder in /tmp /run /dev/shm; do $b mkdir -p /host$folder; $b mount -t tmpfs tmpfs /host$folder; done
$b mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000 out /host/mnt
$b ip link set lo up
$b chroot /host /bin/bash /mnt/command > /host/mnt/output 2>&1
echo $? > /host/mnt/code
$b sync
$b poweroff -f
"""


def sh(*args, **more):
    done = subprocess.run([str(a) for a in args], capture_output=True, **more)
    assert done.returncode == 0, f"{shlex.join(map(str, args))}: {done.stderr.decode(errors='replace')}"
    return done.stdout


def _download(folder):
    """Debian's newest kernel package of this release."""
    assert platform.machine() == "x86_64", "the virtual machine is an x86-64 one"
    for update in (False, True):
        if update:
            sh("apt-get", "update", "-q")
        depends = sh("apt-cache", "depends", "linux-image-amd64").decode()
        name = re.search(r"Depends: (linux-image-[0-9][^\s]*)", depends)
        if name and subprocess.run(["apt-get", "download", name[1]], cwd=folder, capture_output=True).returncode == 0:
            return next(folder.glob("*.deb"))
    raise AssertionError(f"apt has no kernel package: {depends}")


def _images(folder):
    """(kernel, first root), made once."""
    kernel, root = CACHE / "vm" / "vmlinuz", CACHE / "vm" / "root.cpio"
    if not (kernel.exists() and root.exists()):
        kernel.parent.mkdir(parents=True, exist_ok=True)
        package = _download(folder)
        files = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE)
        wanted = ["./boot/vmlinuz-*", *(f"./lib/modules/*/kernel/{m}.ko" for m in MODULES)]
        sh("tar", "-x", "-C", folder, "--wildcards", *wanted, stdin=files.stdout)
        first = folder / "first"
        (first / "modules").mkdir(parents=True)
        (first / "bin").mkdir()
        for at, module in enumerate(MODULES):
            next(folder.glob(f"lib/modules/*/kernel/{module}.ko")).rename(first / "modules" / f"{at:02}")
        (first / "bin" / "busybox").write_bytes(Path("/bin/busybox").read_bytes())
        (first / "init").write_text(INIT)
        (first / "init").chmod(0o755)
        (first / "bin" / "busybox").chmod(0o755)
        names = "\n".join(str(f.relative_to(first)) for f in sorted(first.rglob("*"))).encode()
        (folder / "root.cpio").write_bytes(sh("cpio", "-o", "-H", "newc", "--quiet", cwd=first, input=names))
        next(folder.glob("boot/vmlinuz-*")).rename(folder / "vmlinuz")
        for made in (kernel, root):  # whole, or not there
            sh("mv", folder / made.name, made)
    return kernel, root


def run(command, folder, *, timeout=600):
    """Runs a shell command in the machine, with the caller's environment: (exit code, output). Its /tmp is its own."""
    kernel, root = _images(folder)
    out = folder / "out"
    out.mkdir()
    keep = {k: v for k, v in os.environ.items() if k == "PATH" or k.startswith("WEFT_")}
    lines = [f"export {k}={shlex.quote(v)}" for k, v in {**keep, "HOME": "/tmp", "PYTHONDONTWRITEBYTECODE": "1"}.items()]
    (out / "command").write_text("\n".join([*lines, command, ""]))
    console = folder / "console"
    with console.open("wb") as log:
        subprocess.run(
            ["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "1024",
             "-nographic", "-no-reboot", "-net", "none", "-kernel", kernel, "-initrd", root,
             "-append", "console=ttyS0 quiet panic=1",
             "-virtfs", "local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap",
             "-virtfs", f"local,path={out},mount_tag=out,security_model=none"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, timeout=timeout, check=True)  # fmt: skip
    assert (out / "code").exists(), f"the machine did not come up:\n{console.read_text(errors='replace')}"
    return int((out / "code").read_text()), (out / "output").read_text(errors="replace")
