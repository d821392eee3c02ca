"""README.md: its session, its commands by hand and its program print what the page says."""
import re
import shlex
import subprocess
import sys

from support import EndToEndTest, free_ports, main, run
from support.gateway import Gateway
from support.processes import PROGRAMS, ROOT, clean_environment, die_with_parent, kill_group

PAGE = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    """The contents of the page's code blocks in this language, in order."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    return [content for its_language, content in found if its_language == language]


class Readme(EndToEndTest):
    """The page's cluster has fixed ports; here it stands on free ones, and runs in a copy of what it needs."""

    def setUp(self):
        super().setUp()
        *workers, frontend, backend = map(str, free_ports(5))
        self.ports = dict(zip(("9001", "9002", "9003", "7400", "7401"), (*workers, frontend, backend)))
        (self.folder / "examples").mkdir()
        for file in (ROOT / "examples").iterdir():
            if file.is_file() and file.stat().st_size < 1 << 20:
                (self.folder / "examples" / file.name).write_text(self.moved(file.read_text(encoding="utf-8")), encoding="utf-8")
        self.environment = {"TRELLIS_FRONTEND": f"127.0.0.1:{frontend}", "TRELLIS_BACKEND": f"127.0.0.1:{backend}"}

    def moved(self, text):
        """The text with this test's ports in place of the page's."""
        return re.sub(r"\b(9001|9002|9003|7400|7401)\b", lambda match: self.ports[match[0]], text)

    def test_the_session(self):
        session, = (block for block in blocks("") if "\ntrellis> " in block)
        told, session = session.split("trellis> ", 1)
        lines = f"trellis> {session}".splitlines()
        typed = [line.removeprefix("trellis> ") for line in lines if line.startswith("trellis> ")]
        printed = [line for line in lines if not line.startswith("trellis> ")]
        ran = run("trellis", "up", "-s", "examples/serverFile.txt", "-i", "examples/persons.txt", "--data", self.folder / "data",
                  stdin="\n".join(typed), cwd=self.folder, environment=self.environment)
        self.assertEqual(ran.code, 0, ran)

        # Who leads, and in which order the ring has them, is another matter in each cluster.
        def anyones(line):
            return re.sub(r"127\.0\.0\.1:\d+", "ADDRESS", line)
        self.assertEqual([anyones(line) for line in ran.out.splitlines()], [anyones(line) for line in printed])

        # And so is how long it took to come up, and to load.
        def any_time(line):
            return re.sub(r"[\d.]+ s\b|\(\d+ records/s\)", "TIME", anyones(line))
        said = [any_time(line) for line in ran.err.splitlines()]
        for line in told.splitlines():
            if not line.startswith("HELP lists"):  # That is for terminals.
                self.assertIn(any_time(line), said)

    def test_by_hand(self):
        """Behind the session, in the same folder: these workers are new ones, and so is their cluster."""
        session = run("trellis", "up", "-s", "examples/serverFile.txt", "-i", "examples/persons.txt", "--data", self.folder / "data",
                      stdin="EXIT", cwd=self.folder, environment=self.environment)
        self.assertEqual(session.code, 0, session)
        with_up, without_up = (block for block in blocks("sh") if "trellis" in block and "scripts/run" not in block)
        self.assertIn("trellis up", with_up)
        start, finish = with_up.split("trellis up", 1)
        workers = [line for line in start.splitlines() if line.endswith("&")]
        ports = [re.search(r"-p (\d+)", line).group(1) for line in workers]
        script = "\n".join((
            "set -e", f"PATH={shlex.quote(str(PROGRAMS))}:$PATH", "workers=()",
            *(f"{line.rstrip(' &')} -b 127.0.0.1:7401 & workers+=($!)" for line in workers),
            # Who types this is slower than a worker's start: `up` must find them.
            *(f"until (: </dev/tcp/127.0.0.1/{port}) 2>/dev/null; do sleep 0.02; done" for port in ports),
            f"echo 'GET person1' | trellis up {finish.strip()} --data {self.folder}/data",
            *(line if line.endswith("&") else f"{line} -b 127.0.0.1:7400" for line in without_up.splitlines()),
            "kill $! ${workers[@]}", "wait"))
        bash = subprocess.Popen(["bash", "-c", self.moved(script)], cwd=self.folder, env=clean_environment(**self.environment), text=True,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.file("stderr", "").open("w"),
                                start_new_session=True, preexec_fn=die_with_parent)
        self.addCleanup(kill_group, bash.pid)
        out, _ = bash.communicate(timeout=60)
        err = (self.folder / "stderr").read_text(encoding="utf-8")
        self.assertEqual(bash.returncode, 0, err)
        john = 'person1 -> [ name -> "John" | age -> 22 ]'
        answers = [line for line in out.splitlines() if not line.startswith("loaded")]
        self.assertEqual(answers, [john, john, "12"], err)

    def test_over_http(self):
        """The page's curl lines, exactly as they stand there, and what stands behind their # is what they print."""
        cluster = self.start_cluster(workers=3, k=2)
        gateway = Gateway(cluster)
        self.addCleanup(gateway.stop)
        lines, = (block.splitlines() for block in blocks("sh") if "curl" in block)
        self.assertGreaterEqual(len(lines), 4)
        for line in lines:
            command, printed = re.fullmatch(r"(curl .*?)\s+# (.*)", line).groups()
            with self.subTest(command=command):
                ran = subprocess.run(["bash", "-c", command.replace("127.0.0.1:7480", f"127.0.0.1:{gateway.port}")], text=True,
                                     capture_output=True, timeout=30, check=False)
                self.assertEqual((ran.returncode, ran.stdout), (0, printed + "\n"), ran.stderr)

    def test_the_program(self):
        cluster = self.start_cluster(workers=1, k=1)
        self.assertEqual(run("trellis", "-b", cluster.frontend, "load", self.folder / "examples" / "persons.txt").code, 0)
        program, = blocks("python")
        ran = subprocess.run([sys.executable, "-c", program.replace("127.0.0.1:7400", cluster.frontend)], text=True, capture_output=True,
                             timeout=30, check=False)
        self.assertEqual(ran.returncode, 0, ran)
        self.assertRegex(ran.stdout, r"^\[1, 1, 'OK', 12, \{'version': \d+\}\]$")


if __name__ == "__main__":
    main()
