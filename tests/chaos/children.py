"""Servers as child processes that cannot outlive this one."""

import os
import pathlib
import signal
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
CACHE = pathlib.Path(os.environ.get("FIRNLINE_BUILD_CACHE", ROOT / ".build"))


class Failed(Exception):
    """What a scenario asks for does not hold."""


def free_port():
    """A port that nobody listens on, below the kernel's own range for outgoing connections."""
    free_port.last = getattr(free_port, "last", 20_000 + os.getpid() % 12_000)
    for _ in range(12_000):
        free_port.last = 20_000 + (free_port.last - 20_000 + 1) % 12_000
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", free_port.last))
                return free_port.last
            except OSError:
                continue
    raise Failed("no free port")


def accepts(port):
    """Whether somebody takes connections there."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(what, limit, ready, step=0.2):
    """Waits until `ready` answers something true, and answers that."""
    end = time.monotonic() + limit
    while True:
        answer = ready()
        if answer:
            return answer
        if time.monotonic() > end:
            raise Failed(f"{what}: not within {limit:.0f} s")
        time.sleep(step)


class Child:
    """A process with its output in a file. The kernel ends it with us; whatever ends it, it is by its own pid."""

    def __init__(self, name, argv, log, env=None, under=(), **options):
        self.name, self.log = name, pathlib.Path(log)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with open(self.log, "ab") as output:
            options.setdefault("stdout", output)
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", *under, *map(str, argv)],
                env=None if env is None else {**os.environ, **env},
                stdin=options.pop("stdin", subprocess.DEVNULL), stderr=output, **options,
            )

    @property
    def pid(self):
        return self.process.pid

    def running(self):
        return self.process.poll() is None

    def signal(self, number):
        if self.running():
            self.process.send_signal(number)

    def kill(self):
        self.signal(signal.SIGKILL)
        self.process.wait()

    def stop(self, limit=60):
        """Asks it to end, and answers its exit code."""
        self.signal(signal.SIGTERM)
        try:
            return self.process.wait(limit)
        except subprocess.TimeoutExpired:
            raise Failed(f"{self.name} runs on {limit} s after SIGTERM; its log is {self.log}") from None

    def tail(self, lines=30):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def children_of(pid):
    """The pids of a process's children."""
    try:
        text = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(word) for word in text.split()]
