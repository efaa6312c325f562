"""The S3 servers that uploads are measured against. Each listens on 127.0.0.1, pinned to its own core."""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Where scripts/bench left what it built.
BUILT = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / os.environ.get("FIRNLINE_BENCH_PROFILE", "release")
TOOLS = pathlib.Path(os.environ.get("FIRNLINE_BUILD_CACHE", ROOT / ".build")) / "bin"
KEY, SECRET = "firnline-bench", "firnline-bench-secret"


class Server:
    """A started server, and the commands of its rivals for it."""

    def __init__(self, cores):
        self.cores = cores
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="firnline-s3-"))

    def __enter__(self):
        self.start()
        self.mc("alias", "set", "bench", self.url(), KEY, SECRET)
        return self

    def __exit__(self, *_):
        self.child.terminate()
        self.child.wait()
        shutil.rmtree(self.home, ignore_errors=True)

    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def spawn(self, argv, **options):
        def pin():
            os.sched_setaffinity(0, self.cores)

        return subprocess.Popen(argv, preexec_fn=pin, stderr=subprocess.DEVNULL, **options)

    def mc(self, *arguments):
        subprocess.run(self.mc_argv(*arguments), check=True, stdout=subprocess.DEVNULL, env={**os.environ, **self.environment()})

    def mc_argv(self, *arguments):
        return [str(TOOLS / "mc"), "--config-dir", str(self.home / "mc"), "--quiet", *arguments]

    def environment(self):
        return {
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": self.url(),
            "AWS_ALLOW_HTTP": "true",
        }

    def make_bucket(self, name):
        self.mc("mb", "--ignore-existing", f"bench/{name}")

    def empty(self, name):
        self.mc("rm", "--recursive", "--force", f"bench/{name}")

    def bytes_in(self, bucket):
        listed = subprocess.run(
            self.mc_argv("ls", "--recursive", "--json", f"bench/{bucket}"), check=True, capture_output=True, text=True,
        ).stdout
        return sum(json.loads(line)["size"] for line in listed.splitlines())

    def firnline_trust(self):
        return []

    def rclone_trust(self):
        return []

    def peers(self, log):
        rclone = [
            str(TOOLS / "rclone"), "copy", str(log), ":s3:rclone-peer/tier", "--config", "/dev/null", "--s3-provider", "Minio",
            "--s3-endpoint", self.url(), "--s3-access-key-id", KEY, "--s3-secret-access-key", SECRET,
            "--s3-no-check-bucket", "--include", "*.log", "--transfers", "8", *self.rclone_trust(),
        ]
        return {"mc": self.mc_argv("cp", "-r", f"{log}/", "bench/mc-peer/tier/"), "rclone": rclone}


class Minio(Server):
    options = []

    def start(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        env = {**os.environ, "MINIO_ROOT_USER": KEY, "MINIO_ROOT_PASSWORD": SECRET}
        self.child = self.spawn(
            [str(TOOLS / "minio"), "server", "--quiet", "--address", f"127.0.0.1:{self.port}", *self.options, str(self.home / "data")],
            env=env, stdout=subprocess.DEVNULL,
        )
        for _ in range(300):
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                    pass
                subprocess.run(
                    self.mc_argv("alias", "set", "bench", self.url(), KEY, SECRET), check=True, capture_output=True, timeout=10
                )
                return
            except (OSError, subprocess.SubprocessError):
                time.sleep(0.1)
        raise SystemExit("minio did not start")


class MinioTls(Minio):
    """The same over TLS, where no client signs the payload: its integrity is TLS's and the checksums'."""

    def url(self):
        return f"https://127.0.0.1:{self.port}"

    def start(self):
        self.certificate = self.home / "certs" / "public.crt"
        trusted = self.home / "mc" / "certs" / "CAs"
        for directory in (self.certificate.parent, trusted):
            directory.mkdir(parents=True)
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
             "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE",
             "-keyout", str(self.certificate.parent / "private.key"), "-out", str(self.certificate)],
            check=True, capture_output=True,
        )
        shutil.copy(self.certificate, trusted)
        self.options = ["--certs-dir", str(self.certificate.parent)]
        super().start()

    def firnline_trust(self):
        config = self.home / "firnline.toml"
        config.write_text(f'[store]\nca_bundle = "{self.certificate}"\n')
        return ["--config", str(config)]

    def rclone_trust(self):
        return ["--ca-cert", str(self.certificate)]


class Sink(Server):
    def start(self):
        self.child = self.spawn([str(BUILT / "s3-sink")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.child.stdout.readline().split()[1])
