"""The C++ library as it is installed: a program outside the tree is built against a prefix, by CMake and by pkg-config."""
import os
import shutil
import subprocess

from support import EndToEndTest, main
from support.processes import PROGRAMS, ROOT

PRINTED = """\
Ελένη
22
50
somebody else was first: 1, written: 0
OK
OK
no such key
100 stored, 100 counted
"""


class Installed(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.prefix = self.folder / "prefix"
        self.ran("cmake", "--install", PROGRAMS.parent, "--component", "dev", "--prefix", self.prefix)
        self.example = shutil.copytree(ROOT / "examples" / "cpp", self.folder / "example")

    def ran(self, *words, **environment):
        ran = subprocess.run([str(word) for word in words], cwd=self.folder, text=True, capture_output=True, timeout=100, check=False,
                             env={**os.environ, "LC_ALL": "C.UTF-8", **environment})
        self.assertEqual(ran.returncode, 0, ran)
        return ran.stdout

    def test_a_program_outside_the_tree_is_built_against_the_prefix(self):
        headers = [str(path.relative_to(self.prefix)) for path in self.prefix.rglob("*.h*")]
        self.assertEqual(headers, ["include/trellis/client.hpp"], "one header")
        cluster = self.start_cluster(workers=1, k=1)
        self.ran("cmake", "-S", self.example, "-B", "out", "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={self.prefix}")
        self.ran("cmake", "--build", "out")
        self.assertEqual(self.ran("out/hello", cluster.frontend), PRINTED)
        flags = self.ran("pkg-config", "--cflags", "--libs", "trellis-client", PKG_CONFIG_PATH=str(self.prefix / "lib" / "pkgconfig"))
        self.ran("g++", "-std=c++20", self.example / "main.cpp", "-o", "hello", *flags.split())
        self.assertEqual(self.ran("./hello", cluster.frontend), PRINTED)


if __name__ == "__main__":
    main()
