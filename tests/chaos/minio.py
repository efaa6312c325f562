"""MinIO, one process, that can be killed and comes back with its data."""

import os
import subprocess
import tempfile
import urllib.request

from children import CACHE, Child, Failed, free_port, wait_until

USER, SECRET = "firnline", "firnline-secret"


class Minio:
    """A server on the loopback address, and its bucket `tier`."""

    bucket = "tier"

    def __init__(self, home, logs, under=()):
        self.data, self.log, self.port, self.under = home / "minio", logs / "minio.log", free_port(), under
        self.start()
        self.mc("mb", "--quiet", f"rig/{self.bucket}")
        # The checker reads objects with plain GETs, through no client of anybody.
        self.mc("anonymous", "set", "download", f"rig/{self.bucket}")

    def start(self):
        program = CACHE / "bin" / "minio"
        if not program.exists():
            raise SystemExit(f"{program} is missing: run `make install` first")
        self.child = Child(
            "minio", [program, "server", "--quiet", "--address", f"127.0.0.1:{self.port}", self.data], self.log,
            env={"MINIO_ROOT_USER": USER, "MINIO_ROOT_PASSWORD": SECRET, "MINIO_BROWSER": "off", "MINIO_UPDATE": "off"},
            under=self.under,
        )
        wait_until("MinIO ready", 60, self.ready)

    def ready(self):
        if not self.child.running():
            raise Failed(f"MinIO ended:\n{self.child.tail()}")
        try:
            return self.get("minio/health/ready") is not None
        except OSError:
            return False

    def kill(self):
        self.child.kill()

    def get(self, path):
        """A plain GET, without proxies of the environment."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://127.0.0.1:{self.port}/{path}", timeout=30) as answer:
            return answer.read()

    def mc(self, *arguments):
        with tempfile.TemporaryDirectory() as config:
            env = {**os.environ, "MC_HOST_rig": f"http://{USER}:{SECRET}@127.0.0.1:{self.port}"}
            done = subprocess.run(
                [CACHE / "bin" / "mc", "--config-dir", config, *arguments], env=env, capture_output=True, text=True,
            )
        if done.returncode:
            raise Failed(f"mc {' '.join(arguments)}: {done.stderr}")
        return done.stdout
