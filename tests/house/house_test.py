"""The house keeps its own rules: docs/design.md, "Where things are", says which. Runs no program of ours, and takes
some seconds."""
import os
import pathlib
import re
import shutil
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
LINE_MAX = 120
PYTHON_LINE_MAX = 160
FILE_LINES_MAX = 450
MEDIAN_LINES_MAX = 130

# Which rooms a room may include, itself apart. A room below another one is named by its whole path, where rules of its own hold.
ROOMS = {
    "protocol": set(),
    "program": {"protocol"},
    "client": {"program", "protocol"},
    "broker": {"program", "protocol"},
    "worker": {"program", "protocol"},
    "cli": {"client", "program", "protocol"},
    "gateway": {"client", "program", "protocol"},
    "sim": {"broker", "client", "program", "protocol", "worker"},
    "worker/trie": {"protocol"},
    "worker/state": {"worker/trie", "protocol"},
    "worker/log": {"protocol", "worker"},
    "worker/raft": {"worker/log", "protocol"},
    "client/statement": {"protocol"},
    "client/public": {"client", "program", "protocol"},
    "cli/load": {"cli", "client", "program", "protocol"},
    "cli/bench": {"cli", "client", "program", "protocol"},
    "cli/backup": {"cli", "client", "program", "protocol"},
    "sim/checker": {"protocol"},
}
# Headers of others stand in the files that wrap them, and nowhere else.
WRAPPED = {
    "raft.h": ("worker/raft/library.hpp",),
    "zmq.hpp": ("program/", "broker/server.", "worker/server.", "client/client.", "cli/bench/bench.cpp"),
    "zmq.h": ("program/", "broker/server.", "worker/server.", "client/client.", "cli/bench/bench.cpp"),
    "microhttpd.h": ("program/http_daemon.", "gateway/http_side."),
    "gnutls/": ("program/token/token.cpp", "gateway/certificates.cpp"),
    "spdlog/": ("program/log.cpp",),
    "systemd/": ("program/service_manager.cpp",),
    "muParser": ("broker/merge/expression.cpp",),
    "histedit.h": ("cli/shell/line_editor.cpp",),
    "zlib.h": ("cli/load/decompressor.cpp",),
    "zstd.h": ("cli/load/decompressor.cpp", "cli/backup/compressor.cpp"),
}
# Nothing of these parts reads a clock, opens a socket or starts a thread: they are handed time and bytes.
CORES = ("protocol/", "broker/merge/", "worker/state/", "worker/trie/", "sim/checker/", "client/statement/")
IMPURE = ("<thread>", "<sys/socket.h>", "<mutex>", "steady_clock::now", "system_clock::now")
# trie/epochs: frozen views are released by other threads.
IMPURE_BY_DESIGN = ("worker/trie/epochs.",)
# Words of ours that have a standard one, and the one that stands for it.
WORDS = {
    r"visitors?": "connections",
    r"handoff": "bounded queue",
    r"manners": "conditions",
    r"judges?": "checker, or a verb that says what is done",
    r"judgements?": "verdict",
    r"planted": "injected",
    r"vouch(es|ed)?": "confirm, or leadership check",
    r"tickets?": "read context",
    r"legs?": "subrequest",
    r"pulse": "liveness interval",
    r"broker.?s own sessions?|own_session": "broker session",
}


def files(*patterns):
    """The paths below the root that match, as the tree has them; what is built or stored there is not of the tree."""
    found = []
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if not name.startswith((".", "build", "trellis-data", "__pycache__"))]
        paths = (pathlib.Path(folder, name).relative_to(ROOT) for name in names)
        found += [str(path) for path in paths if any(path.match(pattern) for pattern in patterns)]
    return sorted(found)


SOURCES = files("*.cpp", "*.hpp")
OURS = [name for name in SOURCES if not name.startswith(("tests/", "bench/", "examples/"))]
TEXT = {name: (ROOT / name).read_text(encoding="utf-8") for name in SOURCES}


def included(name):
    return re.findall(r'^#include "([^"]+)"', TEXT[name], re.MULTILINE)


def room_of(path):
    """The innermost room with rules of its own that `path` lies in."""
    folders = [str(folder) for folder in pathlib.PurePosixPath(path).parents]
    return next((folder for folder in folders if folder in ROOMS), None)


def may_include(room, other):
    """A room includes itself, what its rules name, and what lies in either."""
    allowed = ROOMS[room] | {room}
    return any(other == each or other.startswith(each + "/") for each in allowed)


class House(unittest.TestCase):
    maxDiff = None

    def assertNone(self, faults, what):
        self.assertFalse(faults, f"{what}:\n" + "\n".join(faults))

    def test_lines_of_code_end_at_the_margin(self):
        faults = [f"{name}:{number}: {len(line)} columns" for name in SOURCES
                  for number, line in enumerate(TEXT[name].splitlines(), 1) if len(line) > LINE_MAX]
        for name in files("*.py"):
            lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
            faults += [f"{name}:{number}: {len(line)} columns" for number, line in enumerate(lines, 1)
                       if len(line) > PYTHON_LINE_MAX]
        self.assertNone(faults, f"lines beyond {LINE_MAX} columns ({PYTHON_LINE_MAX} in Python)")

    def test_lines_of_pages_end_at_the_margin(self):
        """Tables, code blocks and URLs cannot be broken."""
        faults = []
        for name in files("*.md"):
            in_code = False
            for number, line in enumerate((ROOT / name).read_text(encoding="utf-8").splitlines(), 1):
                if line.lstrip().startswith("```"):
                    in_code = not in_code
                elif len(line) > LINE_MAX and not (in_code or line.startswith("|") or "://" in line):
                    faults.append(f"{name}:{number}: {len(line)} columns")
        self.assertNone(faults, f"lines of pages beyond {LINE_MAX} columns")

    def test_links_between_pages_lead_somewhere_and_the_readme_to_all_of_them(self):
        links = {name: re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", (ROOT / name).read_text(encoding="utf-8")) for name in files("*.md")}
        faults = [f"{name}: {link}" for name in links for link in links[name] if not (ROOT / name).parent.joinpath(link).exists()]
        self.assertNone(faults, "links to nothing")
        self.assertNone([name for name in files("docs/*.md", "bench/*.md") if name not in links["README.md"]], "pages that README.md misses")

    def test_comments_name_what_they_are_about(self):
        """A comment that begins with "Of" leaves out its noun."""
        faults = [f"{name}:{number}: {line.strip()[:100]}" for name in SOURCES
                  for number, line in enumerate(TEXT[name].splitlines(), 1) if re.search(r"//+<? Of ", line)]
        self.assertNone(faults, "comments without a noun")

    def test_files_are_short(self):
        sizes = {name: TEXT[name].count("\n") for name in OURS}
        faults = [f"{name}: {size} lines" for name, size in sizes.items() if size > FILE_LINES_MAX]
        self.assertNone(faults, f"files of more than {FILE_LINES_MAX} lines; give away what is not theirs")
        self.assertLessEqual(sorted(sizes.values())[len(sizes) // 2], MEDIAN_LINES_MAX, "the median of files' lines")

    def test_no_room_includes_upwards(self):
        faults = []
        for name in OURS:
            room = room_of(name)
            self.assertIsNotNone(room, f"{name} lies in no room of ROOMS")
            faults += [f"{name} includes {header}" for header in included(name)
                       if not may_include(room, str(pathlib.PurePosixPath(header).parent))]
        self.assertNone(faults, "includes against the arrows")

    def test_no_headers_include_each_other_in_a_circle(self):
        finished, faults = set(), []

        def visit(name, way):
            if name in way:
                faults.append(" -> ".join([*way[way.index(name):], name]))
            elif name not in finished:
                for header in included(name) if name in TEXT else ():
                    visit(header, [*way, name])
                finished.add(name)
        for name in OURS:
            if name.endswith(".hpp"):
                visit(name, [])
        self.assertNone(faults, "circles")

    def test_headers_of_others_stand_where_they_are_wrapped(self):
        faults = [f"{name} includes <{header}>" for name in OURS
                  for header in re.findall(r"^#include <([^>]+)>", TEXT[name], re.MULTILINE)
                  for of_others, places in WRAPPED.items() if header.startswith(of_others) and not name.startswith(places)]
        self.assertNone(faults, "headers of others outside the file that wraps them")

    def test_cores_know_no_clock_no_socket_and_no_thread(self):
        faults = [f"{name}: {what}" for name in OURS if name.startswith(CORES) and not name.startswith(IMPURE_BY_DESIGN)
                  for what in IMPURE if what in TEXT[name]]
        self.assertNone(faults, "impure cores")

    def test_includes_are_named_from_the_root(self):
        faults = [f"{name} includes {header}" for name in SOURCES for header in included(name) if not (ROOT / header).is_file()]
        self.assertNone(faults, "includes of ours that are no path from the root")

    def test_the_fields_words_stand(self):
        faults = []
        for name in [*SOURCES, *files("docs/*.md", "README.md")]:
            for number, line in enumerate((ROOT / name).read_text(encoding="utf-8").splitlines(), 1):
                faults += [f"{name}:{number}: {found[0]}; {better} is the word" for word, better in WORDS.items()
                           if (found := re.search(rf"(?i)(?<![a-z]){word}(?![a-z])", line))]
        self.assertNone(faults, "words of a dialect")

    def test_the_project_speaks_of_itself_alone(self):
        faults = []
        for name in files("*.cpp", "*.hpp", "*.md", "*.py", "CMakeLists.txt", "scripts/*"):
            if name.startswith("tests/house/"):
                continue
            for number, line in enumerate((ROOT / name).read_text(encoding="utf-8").splitlines(), 1):
                if re.search(r"\b([Ii]ssue #?\d+|TODO|FIXME|XXX)\b", line):
                    faults.append(f"{name}:{number}: {line.strip()[:100]}")
        self.assertNone(faults, "what is to be done, or was, stands in the code")

    def test_no_conflict_is_left(self):
        marks = re.compile(r"^(<{7} |={7}$|>{7} )", re.MULTILINE)
        faults = [name for name in files("*.cpp", "*.hpp", "*.md", "*.py", "*.js", "*.css", "*.html", "*.yml", "CMakeLists.txt", "scripts/*")
                  if marks.search((ROOT / name).read_text(encoding="utf-8"))]
        self.assertNone(faults, "two versions of a text, and marks between them")

    @unittest.skipUnless(shutil.which("clang-format"), "clang-format is not installed")
    def test_the_formatter_has_nothing_to_change(self):
        ran = subprocess.run(["clang-format", "--dry-run", *SOURCES], cwd=ROOT, capture_output=True, text=True, check=True)
        files = sorted({line.split(":")[0] for line in ran.stderr.splitlines() if "warning:" in line})
        self.assertNone(files, "clang-format -i would change these")


if __name__ == "__main__":
    unittest.main()
