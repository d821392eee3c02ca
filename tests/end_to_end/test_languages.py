"""docs/languages.md: Python's client does what the page says; scripts/try-languages runs the others."""
from support import ClusterTest, main
from support.languages import LANGUAGES, PRINTED, program_of, run_program


class Languages(ClusterTest):
    settings = {"workers": 1, "k": 1}

    def test_pythons_client(self):
        ran = run_program("Python", self.cluster.frontend, self.folder)
        self.assertEqual((ran.returncode, ran.stdout), (0, PRINTED), ran.stderr)

    def test_each_language_has_a_program(self):
        for language in LANGUAGES:
            with self.subTest(language=language):
                self.assertIn("QUERY", program_of(language))


if __name__ == "__main__":
    main()
