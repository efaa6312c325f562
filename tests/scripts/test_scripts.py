"""Tests of the checks themselves: each must see what it is there to see."""

import importlib.machinery
import importlib.util
import pathlib
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
