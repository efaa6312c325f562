"""`firnline offload --config`, one beside each broker."""

import json
import os
import signal
import urllib.error
import urllib.request

from children import Child, Failed, children_of, free_port, wait_until

# Everything is quick, so that a run of a minute sees what takes hours in production.
OFFLOAD = {
    "target_size": "1MiB",
    "max_lag": "3s",
    "scan_interval": "2s",
    "takeover_wait": "5s",
    # Long against every fault here: a gap is a finding, unless the scenario makes one on purpose.
    "gap_wait": "5m",
    "summary_interval": "2s",
    "reserve": "64MiB",
    "deleted_topic.wait": "5s",
    "deleted_topic.share": 100,
    "cut_share": 100,
    "scrub.rate": "1MiB",
    "gc.interval": "1m",
    "gc.grace": "1m",
}
# So that an attempt that a fault holds up ends within the run.
STORE = {"deadline.read": "10s", "deadline.write": "20s", "deadline.attempt": "5s"}
KILLED = -signal.SIGKILL


class Sidecar:
    """The guard and its worker for one broker."""

    def __init__(self, binary, broker, tier, endpoint, logs, settings=None, under=(), offload=OFFLOAD, store=STORE):
        self.binary, self.broker, self.tier, self.endpoint = binary, broker, tier, endpoint
        self.settings, self.store, self.under = {**offload, **(settings or {})}, store, under
        self.topics, self.encryption = [], {}
        self.log = logs / f"sidecar-{broker.id}.log"
        self.config = broker.home / "firnline.toml"
        self.port = free_port()
        self.child = None
        self.stopped = []
        self.write_config()

    def write_config(self):
        cluster = self.broker.cluster
        lines = [
            "[store]", f'url = "{self.tier.url}"', *(f"{key} = {json.dumps(value)}" for key, value in self.store.items()),
            "[kafka]", f"bootstrap = {json.dumps([broker.address for broker in cluster.brokers])}", 'timeout.request = "5s"',
            'timeout.connect = "3s"',
            "[http]", f'listen = "127.0.0.1:{self.port}"',
            "[offload]", f"log_dirs = {json.dumps([str(path) for path in self.broker.log_dirs])}",
            *(f"{key} = {json.dumps(value)}" for key, value in self.settings.items()),
        ]
        if self.encryption:
            lines += ["[encryption]", *(f"{key} = {json.dumps(value)}" for key, value in self.encryption.items())]
        for topic in self.topics:
            lines += ["[[topic]]", *(f"{key} = {json.dumps(value)}" for key, value in topic.items())]
        self.config.write_text("\n".join(lines) + "\n")

    def spawn(self, log=None, home=None):
        argv = [self.binary, "offload", "--config", self.config, "--log-format", "json"]
        env = {**self.tier.environment(self.endpoint), "RUST_BACKTRACE": "1", **({"HOME": str(home)} if home else {})}
        return Child(f"sidecar {self.broker.id}", argv, log or self.log, env=env, under=self.under)

    def start(self, limit=30):
        self.child = self.spawn()
        wait_until(f"sidecar {self.broker.id} answers", limit, self.answers)

    def answers(self):
        if not self.child.running():
            raise Failed(f"sidecar {self.broker.id} ended with {self.child.process.returncode}:\n{self.child.tail()}")
        return self.get("/health/live") is not None

    def get(self, path):
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            return error.read()
        except OSError:
            return None

    def status(self):
        return self.get("/status")

    def facts(self):
        """What status says, each a dictionary."""
        return json.loads(self.status() or b'{"facts": []}')["facts"]

    def metrics(self):
        """Sums of the metrics over their labels."""
        sums = {}
        for line in (self.get("/metrics") or b"").decode().splitlines():
            if line and not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                name = name.split("{")[0]
                sums[name] = sums.get(name, 0.0) + float(value)
        return sums

    def running(self):
        return self.child is not None and self.child.running()

    def workers(self):
        return children_of(self.child.pid) if self.running() else []

    def kill(self):
        """Guard and worker at once, as a machine that hangs up."""
        workers = self.workers()
        self.child.kill()
        for pid in workers:
            kill_worker(pid, signal.SIGKILL)

    def kill_worker(self):
        """The worker alone: its guard starts another."""
        for pid in wait_until("a worker", 30, self.workers):
            kill_worker(pid, signal.SIGKILL)

    def pause(self):
        """SIGSTOP of both."""
        self.stopped = self.workers()
        self.child.signal(signal.SIGSTOP)
        for pid in self.stopped:
            kill_worker(pid, signal.SIGSTOP)

    def go_on(self):
        for pid in self.stopped:
            kill_worker(pid, signal.SIGCONT)
        self.child.signal(signal.SIGCONT)
        self.stopped = []

    def restart(self):
        """In order, with what its config says now."""
        self.stop()
        self.write_config()
        self.start()

    def reload(self):
        self.write_config()
        self.child.signal(signal.SIGHUP)

    def stop(self):
        """SIGTERM; it has to end in order."""
        if self.running():
            code = self.child.stop(limit=45)
            if code not in (0, 143, -signal.SIGTERM):
                raise Failed(f"sidecar {self.broker.id} ended with {code} after SIGTERM:\n{self.child.tail()}")


def kill_worker(pid, number):
    """A worker is our grandchild: it may be gone, and then so is what was asked for."""
    try:
        if "--worker" in open(f"/proc/{pid}/cmdline", encoding="utf-8").read():
            os.kill(pid, number)
    except (OSError, ProcessLookupError):
        pass
