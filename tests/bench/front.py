"""`firnline proxy` before the broker of a stand, its figures, and the consumer that throws records away."""

import json
import os
import subprocess
import time
import urllib.request

from stand import Child, Tier, free_port, on, wait_until

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    """Of one process, its threads together and its ended children not."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def peak_mib(pid):
    """The most memory that a process has had resident."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) / 1024


class Front:
    """One proxy, ready. `store` is where it reaches the store, if not the stand's own."""

    def __init__(self, stand, prefix, settings=None, cache=None, limits=None, store=None, url=None, core=None):
        self.home = stand.home / f"proxy-{time.monotonic_ns()}"
        self.home.mkdir()
        tier = Tier(stand.firnline, stand.minio, prefix)
        listen, node, self.http = free_port(), free_port(), free_port()
        self.at = f"127.0.0.1:{node}"
        lines = [
            "[store]", f'url = "{url or tier.url}"',
            "[cache]", *(f"{key} = {json.dumps(value)}" for key, value in (cache or {}).items()),
            "[limits]", *(f"{key} = {json.dumps(value)}" for key, value in (limits or {}).items()),
            "[proxy]", f'upstream = ["{stand.broker.address}"]', f'listen = "127.0.0.1:{listen}"', f"base_port = {node - stand.broker.id}",
            f'expected_nodes = "{stand.broker.id}-{stand.broker.id}"', f'http.listen = "127.0.0.1:{self.http}"',
            *(f"{key} = {json.dumps(value)}" for key, value in (settings or {}).items()),
        ]
        config = self.home / "firnline.toml"
        config.write_text("\n".join(lines) + "\n")
        argv = [stand.firnline, "proxy", "--config", config]
        env = tier.environment(store) if url is None else {}
        self.child = Child("proxy", argv, self.home / "proxy.log", env=env, under=on(stand.other_core if core is None else core))
        stand.started.append(self.child)
        wait_until("the proxy is ready", 60, self.ready)

    def ready(self):
        if not self.child.running():
            raise SystemExit(f"the proxy ended:\n{self.child.tail()}")
        try:
            return self.get("/health/ready") is not None
        except OSError:
            return False

    def get(self, path):
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://127.0.0.1:{self.http}{path}", timeout=5) as answer:
            return answer.read().decode()

    def figures(self):
        """`{name: {labels: value}}` of its metrics."""
        found = {}
        for line in self.get("/metrics").splitlines():
            if line and not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                name, _, labels = name.partition("{")
                found.setdefault(name, {})[labels.rstrip("}")] = float(value)
        return found

    def requests(self, *kinds):
        """How many requests it has made of the store; of all kinds where none is named."""
        told = self.figures().get("firnline_store_requests_total", {})
        return sum(value for labels, value in told.items() if not kinds or any(f'kind="{kind}"' in labels for kind in kinds))

    def received(self):
        return sum(self.figures().get("firnline_store_received_bytes_total", {}).values())

    def stop(self):
        self.child.stop()


def fetch(bench, at, topic, core=None, **options):
    """What one run of the consumer tells. Names are its flags, `_` for `-`."""
    argv = [*on(core), bench.target / "fetch-rate", "--at", at, "--topic", topic]
    for name, value in options.items():
        argv += [f"--{name.replace('_', '-')}", value]
    done = subprocess.run([str(word) for word in argv], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, argv))}:\n{done.stderr}")
    return json.loads(done.stdout)
