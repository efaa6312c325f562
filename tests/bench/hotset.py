"""What uploads evict of pages that others need: a hot set and the sidecar in one memory cgroup of 1.5 times the set's size.

The hot set is a file that was read once within the cgroup, as what a broker has just written and served: nothing but its age
keeps it there. The sidecar then uploads sealed segments of several times that size, none of them in memory, to MinIO outside of the
cgroup. `mincore` counts the hot pages before and after.
"""

import ctypes
import mmap
import os
import pathlib
import subprocess
import sys
import time

import servers
from stand import MIB, SECRET, USER, wait_until

HOT = 512 * MIB
LIMIT = HOT + HOT // 2
PARTITIONS, SEGMENTS = 4, 8
# Of the hot set's pages, in percent.
EVICTED_PERCENT = 1.0
# What an arm brings into memory on both sides of the socket, with some to spare.
ROOM = 6 << 30
# What the whole machine's memory pressure takes is not the arm's doing; it is tried again so often.
TRIES = 3
# Readings of the hot set until all of it is in memory.
WARMING = 5


class Cgroup:
    """A memory cgroup below this process's own (version 1)."""

    def __init__(self, name, limit):
        self.path = pathlib.Path("/sys/fs/cgroup/memory" + self.own()) / f"{name}-{os.getpid()}"
        self.path.mkdir()
        self.write("memory.limit_in_bytes", limit)

    @staticmethod
    def own():
        """The path of this process's own; None where there are none of this version."""
        return next((line.split(":", 2)[2].strip() for line in open("/proc/self/cgroup") if ":memory:" in line), None)

    def write(self, name, value):
        (self.path / name).write_text(str(value))

    def read(self, name):
        return int((self.path / name).read_text())

    def under(self):
        """A command that runs what follows in here."""
        return ["sh", "-c", f'echo $$ > "{self.path}/cgroup.procs" && exec "$@"', "sh"]

    def remove(self):
        wait_until("the cgroup is empty", 30, lambda: not (self.path / "cgroup.procs").read_text())
        self.path.rmdir()


def resident(path):
    """How many pages of a file are in memory."""
    libc = ctypes.CDLL(None, use_errno=True)
    size = os.path.getsize(path)
    pages = -(-size // mmap.PAGESIZE)
    told = (ctypes.c_ubyte * pages)()
    with open(path, "r+b") as file, mmap.mmap(file.fileno(), size) as area:
        start = ctypes.c_char.from_buffer(area)
        failed = libc.mincore(ctypes.c_void_p(ctypes.addressof(start)), ctypes.c_size_t(size), told)
        del start
    if failed:
        sys.exit(f"mincore: {os.strerror(ctypes.get_errno())}")
    return sum(byte & 1 for byte in told)


def drop(paths):
    """Takes files out of memory."""
    os.sync()
    for path in paths:
        with open(path, "rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        if left := resident(path):
            sys.exit(f"{left} pages of {path} stay in memory")


def make_room():
    """Has the system give up old pages of files now, rather than those of the hot set while an arm runs."""
    available = next(int(line.split()[1]) << 10 for line in open("/proc/meminfo") if line.startswith("MemAvailable:"))
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE
    mmap.mmap(-1, min(ROOM, available // 2), flags=flags).close()


def nothing(stand, cold, cgroup):
    time.sleep(5)


def firnline(stand, cold, cgroup):
    size = sum(path.stat().st_size for path in cold)
    sidecar = stand.sidecar("hot-set", {"target_size": "0B"}, cgroup.under())
    wait_until("everything is in the tier", 120, lambda: sidecar.metrics().get("firnline_committed_bytes_total", 0) >= size)
    sidecar.stop()
    stand.empty("hot-set")


def run(argv, cgroup):
    subprocess.run([*cgroup.under(), *map(str, argv)], check=True, stdout=subprocess.DEVNULL)


def rclone(stand, cold, cgroup):
    run([
        servers.TOOLS / "rclone", "copy", stand.broker.log_dirs[0], f":s3:{stand.minio.bucket}/rclone", "--config", "/dev/null",
        "--s3-provider", "Minio", "--s3-endpoint", f"http://127.0.0.1:{stand.minio.port}", "--s3-access-key-id", USER,
        "--s3-secret-access-key", SECRET, "--s3-no-check-bucket", *(f"--include=/{path.parent.name}/{path.name}" for path in cold),
    ], cgroup)
    stand.empty("rclone")


def cp(stand, cold, cgroup):
    into = stand.home / "copy"
    into.mkdir()
    for number, path in enumerate(cold):
        run(["cp", path, into / str(number)], cgroup)
        os.unlink(into / str(number))


def measure(bench, stand, rivals):
    """Prints the share of hot pages that each evicts; whether ours, and nothing, keep to the limit."""
    hot = bench.work / "hot"
    with open(hot, "wb") as file:
        for _ in range(HOT // MIB):
            file.write(os.urandom(MIB))
    stand.create("cold", PARTITIONS)
    stand.fill("cold", PARTITIONS, SEGMENTS)
    cold = stand.sealed("cold")
    size = sum(path.stat().st_size for path in cold)
    gates = []
    for arm in (nothing, firnline, *((rclone, cp) if rivals else ())):
        for _ in range(TRIES):
            evicted, before, most = once(stand, hot, cold, arm)
            kept = evicted * 100 <= EVICTED_PERCENT * before
            print(f"{arm.__name__}: {evicted:,} of {before:,} hot pages evicted ({evicted * 100 / before:.2f} %), {size >> 20} MiB cold, cgroup of {LIMIT >> 20} MiB held {most >> 20} MiB at most")
            if kept or most >= LIMIT:
                break
            print("  the cgroup never came up to its limit: the system took these pages for somebody else")
        if arm in (nothing, firnline):
            print(f"  limit {EVICTED_PERCENT} %: {'kept' if kept else 'NOT kept'}")
            gates.append(kept)
    return gates


def once(stand, hot, cold, arm):
    """Pages of the hot set that one arm evicts, those there were before, and the most bytes its cgroup held."""
    drop([hot, *cold])
    make_room()
    cgroup = Cgroup(f"firnline-{arm.__name__}", LIMIT)
    try:
        # The system may take some of them while it still reads others.
        for _ in range(WARMING):
            run(["cat", hot], cgroup)
            before = resident(hot)
            if before * mmap.PAGESIZE >= HOT:
                break
        else:
            sys.exit(f"only {before} pages of the hot set were in memory to begin with")
        arm(stand, cold, cgroup)
        return before - resident(hot), before, cgroup.read("memory.max_usage_in_bytes")
    finally:
        cgroup.remove()
