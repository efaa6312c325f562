"""A PostgreSQL server of its own, with logical decoding, on 127.0.0.1."""

import decimal
import glob
import json
import os
import pwd
import shutil
import subprocess

from shared import CACHE, Child, Failed, accepts, free_port, wait_until


def programs():
    """Where its programs are: Debian's own place, else what scripts/tables has unpacked."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb")) + sorted(glob.glob(f"{CACHE}/postgres/usr/lib/postgresql/*/bin/initdb"))
    if not found:
        raise SystemExit("there is no PostgreSQL server: scripts/tables brings it")
    return os.path.dirname(found[-1])


class Postgres:
    def __init__(self, home, logs):
        self.bin, self.home, self.port = programs(), home / "postgres", free_port()
        self.home.mkdir()
        self.under = self.user(home)
        self.log = logs / "postgres.log"
        data = self.home / "data"
        self.run(f"{self.bin}/initdb", "-D", data, "--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
        settings = {
            "listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": "", "wal_level": "logical", "max_replication_slots": 8,
            "max_wal_senders": 8, "fsync": "off", "shared_buffers": "32MB", "timezone": "UTC", "jit": "off", "max_connections": 20,
        }
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        self.child = Child("postgres", [*self.under, f"{self.bin}/postgres", "-D", data, *options], self.log)
        wait_until("PostgreSQL answers", 60, self.ready)

    def user(self, home):
        """It does not run as root: then as Debian's user for it, else as nobody."""
        if os.getuid() != 0:
            return ()
        names = {entry.pw_name for entry in pwd.getpwall()}
        user = "postgres" if "postgres" in names else "nobody"
        home.chmod(0o711)
        shutil.chown(self.home, user)
        # A change of user makes the kernel forget that the child is to end with us: it is told once more.
        return ("setpriv", f"--reuid={user}", f"--regid={pwd.getpwnam(user).pw_gid}", "--clear-groups", "--pdeathsig", "KILL")

    def run(self, *argv):
        done = subprocess.run([*self.under, *map(str, argv)], capture_output=True, text=True, cwd="/")
        if done.returncode:
            raise Failed(f"{argv[0]}: exit {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def ready(self):
        if not self.child.running():
            raise Failed(f"PostgreSQL ended:\n{self.child.tail()}")
        try:
            return accepts(self.port) and self.sql("SELECT 1")
        except Failed:
            return False

    def sql(self, text):
        """What psql prints of it."""
        address = ("-h", "127.0.0.1", "-p", self.port, "-U", "postgres", "-d", "postgres")
        return self.run(f"{self.bin}/psql", *address, "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-c", text)

    def rows(self, table):
        """The table as it is, a dictionary for each row; numbers are exact."""
        lines = self.sql(f"SELECT to_json(t) FROM {table} t").splitlines()
        return [json.loads(line, parse_float=decimal.Decimal) for line in lines]

    def lsn(self):
        return self.sql("SELECT pg_current_wal_lsn()").strip()

    def confirmed(self, slot):
        """Whether a slot's reader has taken all that there is now."""
        return self.sql(f"SELECT confirmed_flush_lsn >= pg_current_wal_lsn() FROM pg_replication_slots WHERE slot_name = '{slot}'").strip() == "t"

    def stop(self):
        if self.child.running():
            self.child.signal(2)  # at once, but in order
            self.child.process.wait(30)
