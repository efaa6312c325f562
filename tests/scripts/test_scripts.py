"""Tests of the checks themselves: each must see what it is there to see."""

import hashlib
import importlib.machinery
import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

SCRIPTS = pathlib.Path(__file__).resolve().parent.parent.parent / "scripts"


def load(name):
    """A script as a module; it has no .py to its name, and must leave no compiled copy behind."""
    sys.dont_write_bytecode = True
    loader = importlib.machinery.SourceFileLoader(name.replace("-", "_"), str(SCRIPTS / name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


class LanesTests(unittest.TestCase):
    """Which lanes a run takes, in a repository of its own."""

    def setUp(self):
        self.dir = tempfile.TemporaryDirectory()
        self.addCleanup(self.dir.cleanup)
        self.root = pathlib.Path(self.dir.name) / "tree"
        (self.root / "scripts").mkdir(parents=True)
        for name in ("lanes", "env.sh", "pins.sh"):
            shutil.copy(SCRIPTS / name, self.root / "scripts" / name)
        self.git("init", "-q")
        self.first = self.commit("proxy", "one")
        self.second = self.commit("proxy", "two")

    def git(self, *args):
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        return subprocess.run(["git", "-C", self.root, *identity, *args], capture_output=True, text=True, check=True).stdout.strip()

    def commit(self, crate, text):
        (self.root / crate).mkdir(parents=True, exist_ok=True)
        (self.root / crate / "file").write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", text)
        return self.git("rev-parse", "HEAD")

    def picked(self, **green):
        """What is picked of three lanes since the first commit."""
        at = pathlib.Path(self.dir.name) / "green"
        at.mkdir(exist_ok=True)
        for name, commit in green.items():
            (at / name).write_text(commit)
        env = {**os.environ, "FIRNLINE_LANES_GREEN": str(at)}
        run = lambda *args: subprocess.run([self.root / "scripts" / "lanes", *args], capture_output=True, text=True, check=True, env=env)
        return {"differential", "clients", "faults"} & set(run("pick", self.first).stdout.split())

    def test_a_lane_whose_code_changed_runs(self):
        self.assertEqual(self.picked(), {"differential", "clients", "faults"})

    def test_what_has_passed_since_need_not_run_again(self):
        # The lane that the commit's hash names runs whatever has passed: of some commits one is named that is none of these.
        for number in range(100):
            if (names := self.picked(differential=self.second)) == {"clients", "faults"}:
                break
            self.commit("docs", str(number))
        self.assertEqual(names, {"clients", "faults"})
        self.commit("proxy", "three")
        self.assertIn("differential", self.picked(differential=self.second))

    def test_a_fuzz_target_is_its_own_lane_s_matter(self):
        self.commit("proxy/fuzz", "a target")
        lanes = {"differential": self.second, "clients": self.second, "faults": self.second}
        # At most the one that the commit's hash names.
        self.assertLessEqual(len(self.picked(**lanes)), 1)

    def test_a_commit_that_is_not_ours_counts_for_nothing(self):
        self.assertIn("differential", self.picked(differential="0" * 40))


class GoldenTests(unittest.TestCase):
    """The golden files of the formats are those that were frozen. A CRC would not tell: a version that goes into an inner CRC
    leaves the CRC of the whole as it was."""

    GOLDEN = SCRIPTS.parent / "index" / "tests" / "golden"

    def test_none_was_edited_and_none_has_gone(self):
        listed = (pathlib.Path(__file__).parent / "golden.sha256").read_text().splitlines()
        there = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}" for path in sorted(self.GOLDEN.iterdir())]
        self.assertEqual(there, listed)

    def test_each_segment_states_the_version_of_its_name(self):
        segments = sorted(self.GOLDEN.glob("segment-*"))
        self.assertGreater(len(segments), 10)
        for path in segments:
            self.assertEqual(path.read_bytes()[-14:-12], int(path.suffix[2:]).to_bytes(2, "little"), path.name)


class SumTests(unittest.TestCase):
    def run_on(self, text, *flags):
        with tempfile.NamedTemporaryFile("w", suffix=".log") as log:
            log.write(text)
            log.flush()
            return subprocess.run(
                [sys.executable, SCRIPTS / "sum-tests", *flags, log.name], capture_output=True, text=True, check=False
            )

    def test_results_of_several_binaries_are_added(self):
        text = (
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured\n"
            "test result: ok. 4 passed; 0 failed; 0 ignored; 0 measured\n"
        )
        done = self.run_on(text)
        self.assertEqual((done.stdout, done.returncode), ("7 passed, 0 failed, 1 skipped\n", 0))

    def test_a_failed_test_fails_the_sum(self):
        self.assertEqual(self.run_on("test result: FAILED. 3 passed; 2 failed; 0 ignored\n").returncode, 1)

    def test_no_test_at_all_fails(self):
        self.assertEqual(self.run_on("Finished in 0.1 s\n").returncode, 1)

    def test_fewer_than_the_minimum_fails(self):
        text = "test result: ok. 3 passed; 0 failed; 0 ignored\n"
        self.assertEqual(self.run_on(text, "--minimum", "4").returncode, 1)
        self.assertEqual(self.run_on(text, "--minimum", "3").returncode, 0)

    def test_the_plain_line_of_a_script_counts_where_cargo_printed_none(self):
        self.assertEqual(self.run_on("2 passed, 0 failed\n").stdout, "2 passed, 0 failed\n")


class Links(unittest.TestCase):
    def broken(self, text, other=""):
        links = load("check-links")
        with tempfile.TemporaryDirectory() as directory:
            links.ROOT = pathlib.Path(directory).resolve()
            page = links.ROOT / "page.md"
            page.write_text(text)
            (links.ROOT / "other.md").write_text(other)
            return [target for target, _ in links.broken(page)]

    def test_missing_files_and_headings_are_found(self):
        found = self.broken("[a](nowhere.md) [b](other.md#gone) [c](#gone)", "# Here\n")
        self.assertEqual(found, ["nowhere.md", "other.md#gone", "#gone"])

    def test_good_links_and_code_are_left_alone(self):
        text = "# A `b` c\n[a](other.md#here) [b](#a-b-c) [c](https://x) `[d](no)`\n```\n[e](no)\n```\n"
        self.assertEqual(self.broken(text, "# Here\n"), [])


class Notices(unittest.TestCase):
    def test_apache_is_chosen_only_where_it_is_offered(self):
        notices = load("notices")
        for offered in ["Apache-2.0", "MIT OR Apache-2.0", "MIT/Apache-2.0", "(MIT OR Apache-2.0) "]:
            self.assertTrue(notices.is_apache(offered), offered)
        for other in ["MIT", "MIT AND Apache-2.0", "(MIT OR Apache-2.0) AND Unicode-3.0", None]:
            self.assertFalse(notices.is_apache(other), other)


if __name__ == "__main__":
    unittest.main()
