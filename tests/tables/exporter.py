"""`firnline export`, as an operator runs it: a config for a catalog and some topics, and the commands on it."""

import json

from catalogs import ACCESS, NAMESPACE, REGION, SECRET

KINDS = {"fs": "files", "rest": "rest", "glue": "glue"}


class Exporter:
    """One config. Topics are dictionaries of the keys of `[[export.topic]]`; `settings` are keys of `[export]`."""

    def __init__(self, stand, catalog, topics, registry=None, name="export", **settings):
        self.stand, self.catalog, self.topics = stand, catalog, topics
        self.config = stand.home / f"{name}-{catalog.kind}.toml"
        secret, credential = stand.home / "secret", stand.home / "credential"
        secret.write_text(SECRET)
        credential.write_text(f"{ACCESS}:{SECRET}")
        for path in (secret, credential):
            path.chmod(0o600)
        export = {"catalog.kind": KINDS[catalog.kind], "namespace": NAMESPACE, "tend.enabled": False, "http.listen": "off"}
        if catalog.kind == "fs":
            export["warehouse"] = str(catalog.root)
        elif catalog.kind == "rest":
            export |= {
                "warehouse": f"s3://{catalog.bucket}", "catalog.url": catalog.rest, "catalog.warehouse": catalog.bucket, "catalog.auth": "oauth2",
                "catalog.oauth2.credential": f"file:{credential}",
            }
        else:
            export |= {"warehouse": f"s3://{catalog.bucket}", "catalog.url": catalog.url, "catalog.sigv4.region": REGION}
        if registry is not None:
            export["registry.urls"] = [registry.url]
        export |= {key.replace("__", "."): value for key, value in settings.items()}
        lines = ["[store]", f'url = "file://{stand.tier}"', "[export]", *pairs(export)]
        for topic in topics:
            lines += ["[[export.topic]]", *pairs({key.replace("__", "."): value for key, value in topic.items()})]
        self.config.write_text("\n".join(lines) + "\n")

    def environment(self):
        return self.catalog.environment() if hasattr(self.catalog, "environment") else {}

    def run(self, *arguments, codes=(0,), limit=60):
        """One run to the tier's end of now. Answers its lines of JSON."""
        out = self.stand.firnline(
            "export", "--config", self.config, "--once", "--json", *arguments, codes=codes, env=self.environment(), limit=limit,
        )
        return [json.loads(line) for line in out.splitlines()]

    def command(self, *arguments, codes=(0,), limit=60):
        """Any other command on the same config."""
        return self.stand.firnline(*arguments, "--config", self.config, codes=codes, env=self.environment(), limit=limit)


def pairs(values):
    return [f"{key} = {json.dumps(value)}" for key, value in values.items()]


def table_name(topic):
    """As Firnline names a topic's table."""
    return topic.replace(".", "_").replace("-", "_")
