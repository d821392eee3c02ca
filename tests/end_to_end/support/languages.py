"""The clients of docs/languages.md, taken from the page itself, and how each is built and run."""
import pathlib
import re
import subprocess

from .processes import ROOT

PAGE = ROOT / "docs" / "languages.md"
PRINTED = "12 Ελένη\n"

_JARS = ".:/usr/share/java/msgpack-core.jar:/usr/share/java/zmq.jar"
_CARGO = """\
mkdir -p src .cargo && mv hello.rs src/main.rs
printf '[package]\\nname = "hello"\\nversion = "0.1.0"\\nedition = "2021"\\n[dependencies]\\nrmp = "0.8"\\nzmq = "0.9"\\n' > Cargo.toml
printf '[source.crates-io]\\nreplace-with = "debian"\\n[source.debian]\\ndirectory = "/usr/share/cargo/registry"\\n' > .cargo/config.toml
cargo run --offline --quiet"""

# By the page's headings: the block's language, the program's file, Debian's packages (or npm's), and the commands.
LANGUAGES = {
    "Python": ("python", "hello.py", "python3 python3-zmq python3-msgpack", "/usr/bin/python3 hello.py"),
    "Node.js": ("javascript", "hello.mjs", "npm: zeromq@6 msgpackr@1 @msgpack/msgpack@3", """node hello.mjs
sed 's/{ pack, unpack } from "msgpackr"/{ encode as pack, decode as unpack } from "@msgpack\\/msgpack"/' hello.mjs > other.mjs
! cmp -s hello.mjs other.mjs && node other.mjs | cmp - <(node hello.mjs)"""),
    "PHP": ("php", "hello.php", "php-cli php-zmq php-msgpack", "php hello.php"),
    "Perl": ("perl", "hello.pl", "perl libzmq-ffi-perl libdata-messagepack-perl", "perl hello.pl"),
    "Ruby": ("ruby", "hello.rb", "ruby ruby-ffi-rzmq ruby-msgpack", "ruby hello.rb"),
    "Java": ("java", "Hello.java", "default-jdk-headless libzmq-java libmsgpack-java",
             f"javac -cp {_JARS} Hello.java\njava -Djava.library.path=/usr/lib/x86_64-linux-gnu/jni -cp {_JARS} Hello"),
    "Go": ("go", "hello.go", "golang-go libzmq3-dev golang-github-vmihailenco-msgpack.v5-dev",
           "GOPATH=/usr/share/gocode GO111MODULE=off GOCACHE=$PWD/cache go run hello.go"),
    "Rust": ("rust", "hello.rs", "cargo librust-zmq-dev librust-rmp-dev", _CARGO),
    "C": ("c", "hello.c", "gcc libzmq3-dev libmsgpack-dev", "gcc hello.c -o hello -lzmq -lmsgpackc\n./hello"),
    "C++": ("cpp", "hello.cpp", "g++ cppzmq-dev libmsgpack-cxx-dev",
            "g++ -std=c++20 -DMSGPACK_NO_BOOST hello.cpp -o hello -lzmq\n./hello"),
    "Lua": ("lua", "hello.lua", "luajit lua-messagepack libzmq5", "luajit hello.lua"),
}


def program_of(language):
    """The code block below the language's heading."""
    block = LANGUAGES[language][0]
    section = re.search(rf"^## {re.escape(language)}\n(.*?)(?=^## |\Z)", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return re.search(rf"^```{block}\n(.*?)^```$", section[1], re.DOTALL | re.MULTILINE)[1]


def run_program(language, frontend, folder):
    """Writes the program into `folder`, with the broker's address in place of the page's, builds and runs it.

    @return  the finished process; its stdout is what the last command printed"""
    _, file, _, commands = LANGUAGES[language]
    program = program_of(language)
    assert "127.0.0.1:7400" in program, f"{language}'s program names no broker"
    folder = pathlib.Path(folder)
    (folder / file).write_text(program.replace("127.0.0.1:7400", frontend), encoding="utf-8")
    return subprocess.run(["bash", "-euo", "pipefail", "-c", commands], cwd=folder, text=True, capture_output=True, timeout=300, check=False)
