"""Spark with Iceberg's runtime: one session for the run, on one core, in a JVM that ends with us."""

import functools
import os
import sys
import tempfile

from catalogs import ACCESS, REGION, SECRET
from engines.arrow import rows_of
from shared import CACHE, Failed

name = "spark"
equality_deletes = True
JARS = CACHE / "iceberg-jars"


class Session:
    """Spark takes its catalogs when they are first named, so that they can be added as they come."""

    def __init__(self):
        where = CACHE / "spark"
        if not where.exists():
            raise SystemExit(f"{where} is missing: scripts/tables brings it")
        sys.path.append(str(where))
        from pyspark.sql import SparkSession

        self.home = tempfile.mkdtemp(prefix="firnline-spark-")
        # Its JVM asks Hadoop who the user is and the resolver where the machine's name leads; both are answered here.
        os.environ.update({"SPARK_LOCAL_IP": "127.0.0.1", "PYARROW_IGNORE_TIMEZONE": "1"})
        jars = ":".join(str(path) for path in sorted(JARS.glob("*.jar")))
        builder = SparkSession.builder.master("local[1]").appName("firnline-tables")
        settings = {
            "spark.driver.extraClassPath": jars, "spark.driver.memory": "1g", "spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false", "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1", "spark.sql.shuffle.partitions": "1", "spark.sql.session.timeZone": "UTC",
            "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions", "spark.log.level": "ERROR",
            "spark.local.dir": self.home, "spark.sql.warehouse.dir": self.home, "spark.sql.execution.arrow.pyspark.enabled": "true",
            "spark.driver.extraJavaOptions": f"-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Daws.region={REGION} -Dderby.system.home={self.home}",
        }
        for key, value in settings.items():
            builder = builder.config(key, value)
        self.spark = builder.getOrCreate()
        self.known = {}

    def catalog(self, catalog):
        """The name that Spark has for it."""
        where = catalog.rest if catalog.kind == "rest" else str(getattr(catalog, "root", None) or catalog.url)
        if where not in self.known:
            name = f"{catalog.kind}{len(self.known)}"
            for key, value in settings(catalog).items():
                self.spark.conf.set(f"spark.sql.catalog.{name}{key}", value)
            self.known[where] = name
        return self.known[where]

    def sql(self, text):
        return self.spark.sql(text)


def settings(catalog):
    """As they stand behind `spark.sql.catalog.NAME`."""
    iceberg = {"": "org.apache.iceberg.spark.SparkCatalog", ".cache-enabled": "false"}
    if catalog.kind == "fs":
        return {**iceberg, ".type": "hadoop", ".warehouse": f"file://{catalog.root}"}
    s3 = {
        ".io-impl": "org.apache.iceberg.aws.s3.S3FileIO", ".s3.endpoint": catalog.s3, ".s3.path-style-access": "true", ".s3.access-key-id": ACCESS,
        ".s3.secret-access-key": SECRET, ".client.region": REGION,
    }
    if catalog.kind == "rest":
        return {
            **iceberg, **s3, ".type": "rest", ".uri": catalog.rest, ".warehouse": catalog.bucket, ".credential": f"{ACCESS}:{SECRET}",
            ".oauth2-server-uri": f"{catalog.rest}/v1/oauth/tokens",
        }
    raise Failed(f"Spark is not given the catalog {catalog.kind}")


@functools.cache
def session():
    return Session()


def place(table):
    return f"{session().catalog(table.catalog)}.{table.namespace}.{table.name}"


def rows(table):
    return rows_of(session().sql(f"SELECT * FROM {place(table)}").toArrow())


def count(table):
    return session().sql(f"SELECT count(*) FROM {place(table)}").collect()[0][0]


def call(table, procedure, **arguments):
    """One of Iceberg's procedures: `CALL catalog.system.PROCEDURE(table => …, …)`."""
    catalog = session().catalog(table.catalog)
    told = ", ".join([f"table => '{table.namespace}.{table.name}'", *(f"{key} => {value}" for key, value in arguments.items())])
    return [row.asDict() for row in session().sql(f"CALL {catalog}.system.{procedure}({told})").collect()]
