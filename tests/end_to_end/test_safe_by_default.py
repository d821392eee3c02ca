"""docs/security.md: what others than this machine reach is not served to whoever comes, unless somebody says so."""
from support import EndToEndTest, Process, free_ports, main, run


class SafeByDefault(EndToEndTest):
    def test_a_program_that_would_serve_strangers_does_not_start_and_names_the_two_ways_on(self):
        port, other = free_ports(2)
        for program, flags, way in (
                ("trellis-broker", ("--frontend", f"0.0.0.0:{port}", "--backend", f"127.0.0.1:{other}"), "trellis keys init DIR"),
                ("trellis-broker", ("--frontend", f"127.0.0.1:{other}", "--backend", f"0.0.0.0:{port}"), "trellis keys init DIR"),
                ("trellis-broker", ("--frontend", f"[::]:{port}", "--backend", f"127.0.0.1:{other}"), "trellis keys init DIR"),
                ("trellis-worker", ("-a", "0.0.0.0", "-p", port, "--data", self.folder / "data"), "trellis keys init DIR"),
                ("trellis-broker", ("--frontend", f"127.0.0.1:{port}", "--backend", f"127.0.0.1:{other}", "--metrics", "0.0.0.0:7404"),
                 "metrics on loopback"),
                ("trellis-gateway", ("--listen", f"0.0.0.0:{port}"), "--tls-cert")):
            with self.subTest(program=program, flags=flags):
                ran = self.assertRan(run(program, *flags, seconds=10), 2, out="")
                self.assertOneLine(ran.err, "is reached by other machines", way, "--insecure")

    def test_it_does_where_somebody_says_so_or_where_keys_are_asked_for(self):
        ports = free_ports(2)
        flags = ("--frontend", f"0.0.0.0:{ports[0]}", "--backend", f"0.0.0.0:{ports[1]}")
        self.assertRan(run("trellis", "keys", "init", self.folder / "keys"), 0)
        for way in (("--insecure",), ("--cluster-key", self.folder / "keys" / "cluster.key")):
            with self.subTest(way=way):
                process = Process("trellis-broker", *flags, *way, log=self.folder / f"broker{len(way)}.log")
                self.addCleanup(process.kill)
                process.wait_for_output("clients at")
                process.stop()


if __name__ == "__main__":
    main()
