"""A Connect worker with Debezium's connectors, one process. Stopped and started again it goes on where it was."""

import json
import os

from catalogs import http
from shared import CACHE, Child, Failed, free_port, wait_until

JAVA = ["java", "-Xmx320m", "-Xss512k", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]
JSON = "org.apache.kafka.connect.json.JsonConverter"


class Connect:
    def __init__(self, home, logs, bootstrap, version):
        self.jars = CACHE / "connect" / version
        if not self.jars.is_dir():
            raise SystemExit(f"{self.jars} is missing: scripts/tables brings it")
        self.home, self.log, self.port = home / "connect", logs / "connect.log", free_port()
        self.home.mkdir()
        self.worker = self.home / "worker.properties"
        self.connectors = {}
        write(self.worker, {
            "bootstrap.servers": bootstrap, "listeners": f"http://127.0.0.1:{self.port}", "rest.advertised.host.name": "127.0.0.1",
            "offset.storage.file.filename": self.home / "offsets", "offset.flush.interval.ms": 500, "key.converter": JSON, "value.converter": JSON,
            "topic.creation.enable": "false", "plugin.discovery": "only_scan",
        })
        self.child = None

    def start(self):
        files = []
        for name, settings in self.connectors.items():
            files.append(self.home / f"{name}.properties")
            write(files[-1], settings)
        argv = [*JAVA, f"-Djava.io.tmpdir={self.home}", "-cp", f"{self.jars}/*", "org.apache.kafka.connect.cli.ConnectStandalone", self.worker, *files]
        self.child = Child("connect", argv, self.log, env={"HOME": str(self.home), "PATH": os.environ["PATH"]})
        wait_until("the connectors run", 120, self.running, step=0.5)

    def running(self):
        if not self.child.running():
            raise Failed(f"Connect ended:\n{self.child.tail()}")
        try:
            states = [http(f"http://127.0.0.1:{self.port}/connectors/{name}/status") for name in self.connectors]
        except OSError:
            return False
        if failed := [state for state in states for task in state["tasks"] if task["state"] == "FAILED"]:
            raise Failed(f"a connector failed: {json.dumps(failed)[:2000]}")
        return all(state["tasks"] and all(task["state"] == "RUNNING" for task in state["tasks"]) for state in states)

    def stop(self):
        self.child.stop()

    def kill(self):
        self.child.kill()


def debezium(name, postgres, prefix, tables, schemas=True, **more):
    """The settings of one connector; `more` has `__` for `.`."""
    settings = {
        "name": name, "connector.class": "io.debezium.connector.postgresql.PostgresConnector", "tasks.max": 1, "plugin.name": "pgoutput",
        "database.hostname": "127.0.0.1", "database.port": postgres.port, "database.user": "postgres", "database.password": "any",
        "database.dbname": "postgres", "topic.prefix": prefix, "table.include.list": ",".join(tables), "slot.name": name,
        "publication.name": f"p_{name}", "publication.autocreate.mode": "filtered", "snapshot.mode": "initial", "poll.interval.ms": 50,
        "status.update.interval.ms": 500, "skipped.operations": "none", "heartbeat.interval.ms": 0, "lsn.flush.mode": "connector",
    }
    for side in ("key", "value"):
        settings |= {f"{side}.converter": JSON, f"{side}.converter.schemas.enable": str(schemas).lower()}
    return settings | {key.replace("__", "."): value for key, value in more.items()}


def write(path, settings):
    path.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
