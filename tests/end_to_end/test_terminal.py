"""docs/commands.md, section The shell: on a terminal, with a prompt, history, editing and completion."""
from support import ClusterTest, main, shell
from support.terminal import Terminal

UP, LEFT, HOME = "\x1b[A", "\x1b[D", "\x01"
END_OF_INPUT, INTERRUPT, TAB, ENTER = "\x04", "\x03", "\t", "\r"


class OnATerminal(ClusterTest):
    settings = {"workers": 1, "k": 1}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        assert shell(cls.cluster, "SET person1 1\nSET person22 2\nSET other 3\nSET single-key 4").code == 0

    def start(self, *words, **settings):
        terminal = Terminal("trellis", "-b", self.cluster.frontend, *words, HOME=str(self.folder), **settings)
        self.addCleanup(terminal.close)
        return terminal

    def shell(self):
        terminal = self.start()
        terminal.expect("> ")
        return terminal

    def test_a_session(self):
        terminal = self.shell()
        terminal.type("GET person1" + ENTER)
        terminal.expect("person1 -> 1\n")
        terminal.type("GET nobody" + ENTER)
        terminal.expect("NOT FOUND\n")
        terminal.type("NONSENSE" + ENTER)
        terminal.expect("ERROR: ")
        terminal.type("PING" + ENTER)
        terminal.expect("PONG\n")
        terminal.type("exit" + ENTER)
        self.assertIn(terminal.wait(), (0, 2))

    def test_ctrl_d_ends_it(self):
        terminal = self.shell()
        terminal.type(END_OF_INPUT)
        self.assertEqual(terminal.wait(), 0)

    def test_history(self):
        terminal = self.shell()
        terminal.type("GET person1" + ENTER)
        terminal.expect("person1 -> 1\n")
        terminal.type("PING" + ENTER)
        terminal.expect("PONG\n")
        terminal.type(UP + UP + ENTER)
        terminal.expect("person1 -> 1\n")

    def test_history_outlives_the_shell(self):
        terminal = self.shell()
        terminal.type("GET single-key" + ENTER)
        terminal.expect("single-key -> 4\ntrellis> ")  # Before the prompt the terminal would take the key for its own.
        terminal.type(END_OF_INPUT)
        self.assertEqual(terminal.wait(), 0)
        terminal = self.shell()
        terminal.type(UP + ENTER)
        terminal.expect("single-key -> 4\n")

    def test_editing(self):
        terminal = self.shell()
        terminal.type("ET persn1" + LEFT * 2 + "o" + HOME + "G" + ENTER)
        terminal.expect("person1 -> 1\n")

    def test_completion_of_commands(self):
        terminal = self.shell()
        terminal.type("PIN" + TAB + ENTER)
        terminal.expect("PONG\n")

    def test_completion_of_keys(self):
        terminal = self.shell()
        terminal.type("GET sing" + TAB)
        terminal.expect("single-key")
        terminal.type(ENTER)
        terminal.expect("single-key -> 4\n")
        terminal.type("GET pers" + TAB)
        terminal.expect("person")
        terminal.type("22" + ENTER)
        terminal.expect("person22 -> 2\n")

    def test_completion_of_paths(self):
        self.assertOk(self.call("PUT", "deep", {"address": {"street": "x", "number": 12}}))
        terminal = self.shell()
        terminal.type("QUERY deep.ad" + TAB + ".nu" + TAB + ENTER)
        terminal.expect("deep.address.number -> 12\n")

    def test_a_document_over_several_lines(self):
        terminal = self.shell()
        terminal.type("PUT pasted {" + ENTER)
        terminal.expect("... ")
        terminal.type('"a": [1,' + ENTER)
        terminal.expect("... ")
        terminal.type("2]}" + ENTER)
        terminal.expect("OK\n")
        terminal.type("GET pasted" + ENTER)
        terminal.expect("pasted -> [ a -> ( 1 | 2 ) ]\n")
        terminal.type(UP + UP + ENTER)  # The statement is one line of the history.
        terminal.expect("OK\n")

    def test_ctrl_c_gives_up_an_open_statement(self):
        terminal = self.shell()
        terminal.type("PUT given-up {" + ENTER)
        terminal.expect("... ")
        terminal.type(INTERRUPT)
        terminal.expect("trellis> ")
        terminal.type("HAS given-up" + ENTER)
        terminal.expect("false\n")

    def test_long_answers_go_through_the_pager(self):
        self.assertOk(self.call("BATCH", [["PUT", [f"long{number:03}", 0]] for number in range(100)]))
        pager = self.folder / "pager"
        pager.write_text("#!/bin/sh\nwc -l | sed 's/^/lines: /'\n")
        pager.chmod(0o755)
        for words, shown in ((("keys", "long"), "lines: 100\n"), (("keys", "long", "--limit", "5"), "long004\n"),
                             (("keys", "long", "--no-pager"), "long099\n")):
            with self.subTest(words=words):
                terminal = self.start(*words, PAGER=str(pager), rows=24)
                terminal.expect(shown)
                self.assertEqual(terminal.wait(), 0)

    def test_the_loader_shows_its_progress(self):
        data = self.file("data.txt", "".join(f"loaded{number} -> {number}\n" for number in range(50_000)))
        terminal = self.start("load", data)
        terminal.expect("%")
        terminal.expect("loaded 50000 records, 0 errors", 60)
        self.assertEqual(terminal.wait(), 0)


if __name__ == "__main__":
    main()
