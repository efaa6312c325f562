"""Where tables live: a directory, SeaweedFS (S3 and an Iceberg REST catalog in one process), moto (Glue and S3).

Every server listens on 127.0.0.1 only and ends with us.
"""

import json
import os
import sys
import urllib.parse
import urllib.request

from shared import CACHE, Child, Failed, accepts, free_port, wait_until

REGION = "us-east-1"
ACCESS, SECRET = "tkey", "tsecret"
NAMESPACE = "lake"


def http(url, method="GET", body=None, headers=None, form=False):
    """One request, past the proxies of the environment; answers JSON, or None where there is no body."""
    data = None
    headers = dict(headers or {})
    if body is not None:
        data = urllib.parse.urlencode(body).encode() if form else json.dumps(body).encode()
        headers.setdefault("Content-Type", "application/x-www-form-urlencoded" if form else "application/json")
    request = urllib.request.Request(url, data=data, method=method, headers=headers)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=60) as answer:
        content = answer.read()
    return json.loads(content) if content else None


class Directory:
    """A catalog that is a directory: `NAMESPACE/TABLE/metadata/vN.metadata.json`."""

    kind = "fs"

    def __init__(self, home):
        self.root = home / "warehouse"
        self.root.mkdir(parents=True, exist_ok=True)

    def place(self, table):
        return self.root / NAMESPACE / table

    def metadata_location(self, table):
        found = [path for path in (self.place(table) / "metadata").glob("v*.metadata.json")]
        if not found:
            return None
        return str(max(found, key=lambda path: int(path.name[1:].split(".")[0])))

    def metadata(self, table):
        at = self.metadata_location(table)
        return json.loads(open(at, encoding="utf-8").read()) if at else None

    def files(self, table):
        """`{path below the table: bytes}` of all that lies there."""
        root = self.place(table)
        return {str(path.relative_to(root)): path.stat().st_size for path in root.rglob("*") if path.is_file()}


class SeaweedFs:
    """S3 with a table bucket `warehouse`, a plain bucket `raw`, and the REST catalog over the first."""

    kind = "rest"
    bucket, plain_bucket = "warehouse", "raw"

    def __init__(self, home, logs):
        program = CACHE / "tables" / "bin" / "weed"
        if not program.exists():
            raise SystemExit(f"{program} is missing: scripts/tables brings it")
        data = home / "weed"
        data.mkdir(parents=True)
        identities = {"identities": [{
            "name": "tables", "credentials": [{"accessKey": ACCESS, "secretKey": SECRET}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }]}
        config = home / "weed-s3.json"
        config.write_text(json.dumps(identities))
        ports = {name: free_port() for name in ("s3", "iceberg", "master", "volume", "filer", "admin")}
        self.s3, self.rest = f"http://127.0.0.1:{ports['s3']}", f"http://127.0.0.1:{ports['iceberg']}"
        argv = [
            program, "mini", f"-dir={data}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.telemetry=false", "-admin.ui=false", "-webdav=false",
            f"-s3.config={config}", f"-bucket={self.plain_bucket}", f"-tableBucket={self.bucket}", f"-s3.port={ports['s3']}",
            f"-s3.port.iceberg={ports['iceberg']}", "-s3.port.lance=0", f"-s3.port.grpc={free_port()}",
            *(f"-{name}.port={ports[name]}" for name in ("master", "volume", "filer", "admin")),
            *(f"-{name}.port.grpc={free_port()}" for name in ("master", "volume", "filer", "admin")),
            f"-s3.localSocket={home / 'weed-s3.sock'}", f"-filer.localSocket={home / 'weed-filer.sock'}",
        ]
        self.child = Child("seaweedfs", argv, logs / "seaweedfs.log", env={"HOME": str(home)}, cwd=home)
        self.ports = ports
        wait_until("SeaweedFS and its catalog answer", 90, self.ready, step=0.5)

    def ready(self):
        if not self.child.running():
            raise Failed(f"SeaweedFS ended:\n{self.child.tail()}")
        if not (accepts(self.ports["s3"]) and accepts(self.ports["iceberg"])):
            return False
        try:
            self.call("GET", "namespaces")
            return True
        except OSError:
            return False

    def token(self):
        body = {"grant_type": "client_credentials", "client_id": ACCESS, "client_secret": SECRET, "scope": "catalog"}
        return http(f"{self.rest}/v1/oauth/tokens", "POST", body, form=True)["access_token"]

    def call(self, method, path, body=None):
        config = http(f"{self.rest}/v1/config?warehouse={self.bucket}", headers={"Authorization": f"Bearer {self.token()}"})
        prefix = {**config.get("defaults", {}), **config.get("overrides", {})}.get("prefix", "")
        base = f"{self.rest}/v1/{prefix}/" if prefix else f"{self.rest}/v1/"
        return http(base + path, method, body, {"Authorization": f"Bearer {self.token()}"})

    def load(self, table):
        """What the catalog says of a table, or None."""
        try:
            return self.call("GET", f"namespaces/{NAMESPACE}/tables/{table}")
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise

    def metadata(self, table):
        loaded = self.load(table)
        return loaded and loaded["metadata"]

    def metadata_location(self, table):
        loaded = self.load(table)
        return loaded and loaded["metadata-location"]

    def place(self, table):
        return self.metadata(table)["location"]

    def s3_client(self):
        return s3_client(self.s3)

    def environment(self):
        return s3_environment(self.s3)


class Moto:
    """Glue and S3 in one process. It takes any VersionId, so it proves nothing about concurrency."""

    kind = "glue"
    bucket = "glue-lake"

    def __init__(self, home, logs):
        self.port = free_port()
        self.url = self.s3 = f"http://127.0.0.1:{self.port}"
        argv = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", self.port]
        self.child = Child("moto", argv, logs / "moto.log", env={"HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"})
        wait_until("moto answers", 60, lambda: self.child.running() and accepts(self.port))
        self.s3_client().create_bucket(Bucket=self.bucket)
        self.glue().create_database(DatabaseInput={"Name": NAMESPACE, "LocationUri": f"s3://{self.bucket}/{NAMESPACE}"})

    def glue(self):
        import boto3

        return boto3.client(
            "glue", endpoint_url=self.url, region_name=REGION, aws_access_key_id=ACCESS, aws_secret_access_key=SECRET,
        )

    def s3_client(self):
        return s3_client(self.s3)

    def environment(self):
        return s3_environment(self.s3)

    def entry(self, table):
        """Glue's own words on a table, or None."""
        glue = self.glue()
        try:
            return glue.get_table(DatabaseName=NAMESPACE, Name=table)["Table"]
        except glue.exceptions.EntityNotFoundException:
            return None

    def metadata_location(self, table):
        entry = self.entry(table)
        return entry and entry["Parameters"]["metadata_location"]

    def metadata(self, table):
        at = self.metadata_location(table)
        if at is None:
            return None
        bucket, key = at.removeprefix("s3://").split("/", 1)
        return json.loads(self.s3_client().get_object(Bucket=bucket, Key=key)["Body"].read())

    def place(self, table):
        return self.metadata(table)["location"]


def s3_client(endpoint):
    import boto3
    from botocore.config import Config

    # Past the proxies of the environment, and with paths that name the bucket.
    config = Config(s3={"addressing_style": "path"}, proxies={}, retries={"max_attempts": 3})
    return boto3.client(
        "s3", endpoint_url=endpoint, region_name=REGION, aws_access_key_id=ACCESS, aws_secret_access_key=SECRET, config=config,
    )


def s3_environment(endpoint):
    """For programs that read credentials from the environment."""
    return {
        "AWS_ENDPOINT_URL": endpoint, "AWS_REGION": REGION, "AWS_ACCESS_KEY_ID": ACCESS, "AWS_SECRET_ACCESS_KEY": SECRET,
        "PATH": os.environ["PATH"],
    }
