"""The pages of docs/warehouses: blocks marked `run` are carried out as they stand, with our servers' addresses for those of the examples."""

import re

from catalogs import ACCESS, SECRET
from shared import ROOT, Failed

PAGES = ROOT / "docs" / "warehouses"
BLOCK = re.compile(r"^```(\w+)( run)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page):
    """`(language, text)` of what is to be run, in order."""
    found = [(language, text) for language, run, text in BLOCK.findall((PAGES / f"{page}.md").read_text()) if run]
    if not found:
        raise Failed(f"{page}.md has nothing to run")
    return found


def filled(text, rest, files, location):
    """With the rig's own addresses. The catalog of files has the table's newest metadata file under the name of the first."""
    host = rest.s3.removeprefix("http://")
    newest = files.metadata_location("orders").rsplit("/", 1)[1]
    for word, ours in {
        "https://catalog.example": rest.rest, "https://s3.example": rest.s3, "'s3.example'": f"'{host}'", "USE_SSL true": "USE_SSL false",
        "CLIENT_ID:CLIENT_SECRET": f"{ACCESS}:{SECRET}", "'CLIENT_ID'": f"'{ACCESS}'", "'CLIENT_SECRET'": f"'{SECRET}'", "ACCESS_KEY": ACCESS,
        # The table was made a moment ago.
        "INTERVAL '1' DAY": "INTERVAL '1' SECOND", "SECRET_KEY": SECRET, "/srv/lake": str(files.root), "v1.metadata.json": newest, "TABLE_PATH": location.removeprefix("s3://").rstrip("/"),
    }.items():
        text = text.replace(word, ours)
    return text


def statements(text):
    return [statement for part in re.split(r";\s*$", text, flags=re.MULTILINE) if (statement := part.strip())]


def properties(text):
    return dict(line.split("=", 1) for line in text.splitlines() if line and not line.startswith("#"))


def play(page, say, configure, rest, files, count):
    """Runs a page. `say(statement)` answers rows as dictionaries; `configure(properties)` takes settings. Each column `rows` that is
    answered must be the table's count, and there is one at least."""
    told = 0
    location = rest.place("orders")
    for language, text in blocks(page):
        text = filled(text, rest, files, location)
        if language == "properties":
            configure(properties(text))
        elif language == "python":
            scope = {}
            exec(compile(text, f"{page}.md", "exec"), scope)  # noqa: S102 - our own page
            told += check(page, text, [scope], count)
        else:
            for statement in statements(text):
                told += check(page, statement, say(statement), count)
    if not told:
        raise Failed(f"{page}.md counts nothing")
    return told


def check(page, statement, answer, count):
    if statement.upper().startswith("SELECT") and not answer:
        raise Failed(f"{page}.md: nothing is answered to\n{statement}")
    for row in answer or []:
        if "rows" in row and row["rows"] != count:
            raise Failed(f"{page}.md: {row['rows']} rows, expected {count}:\n{statement}")
    return sum("rows" in row for row in answer or [])
