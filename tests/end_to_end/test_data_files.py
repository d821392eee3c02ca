"""docs/commands.md, section Data files: the notations, wrong lines, load and generate."""
import gzip
import json
import re

from support import ClusterTest, EndToEndTest, main, one_shot, run

MARY = {"name": "Mary", "address": {"street": "Panepistimiou", "number": 12}}
SUMMARY = r"^loaded (\d+) records?, (\d+) errors?, in [0-9.]+ s \([0-9.]+ records/s\)$"


class Load(ClusterTest):
    settings = {"workers": 3, "k": 2}

    def load(self, text, *flags, code=0, records=None, errors=0, name="data.txt"):
        """Loads a file of this text; returns what the command printed."""
        ran = self.assertRan(one_shot(self.cluster, "load", self.file(name, text), *flags), code)
        summary = re.search(SUMMARY, ran.out + ran.err, re.MULTILINE)
        self.assertTrue(summary, ran)
        if records is not None:
            self.assertEqual((int(summary[1]), int(summary[2])), (records, errors), ran)
        return ran

    def test_every_notation_is_the_same_record(self):
        for line in ('"mary" -> [ "name" -> "Mary" | "address" -> [ "street" -> "Panepistimiou" | "number" -> 12 ] ]',
                     'mary -> [ name -> "Mary" | address -> [ street -> "Panepistimiou" | number -> 12 ] ]',
                     '"mary" : { "name" : "Mary" ; "address" : { "street" : "Panepistimiou" ; "number" : 12 } }',
                     '{"mary": {"name": "Mary", "address": {"street": "Panepistimiou", "number": 12}}}',
                     "{'mary': {'name': 'Mary', 'address': {'street': 'Panepistimiou', 'number': 12}}}",
                     '“mary”->[“name”->“Mary”|“address”->[“street”->“Panepistimiou”|“number”->12]]',
                     '\t "mary"  :  {"name":"Mary","address":{"street":"Panepistimiou","number":12}}  '):
            with self.subTest(line=line):
                self.load(line + "\n", records=1)
                self.assertEqual(self.assertOk(self.call("POP", "mary"), MARY).result["address"]["number"], 12)

    def test_values(self):
        for text, value in (("null", None), ("None", None), ("true", True), ("True", True), ("false", False), ("False", False), ("12", 12),
                            ("-12", -12), ("18446744073709551615", 2**64 - 1), ("-9223372036854775808", -2**63), ("1.0", 1.0), ("1e2", 100.0),
                            ("-0.5", -0.5), ("inf", float("inf")), ("-inf", float("-inf")), ('"a\\u00e9\\n"', "aé\n"), ("'it'", "it"),
                            ('bytes("AAH/")', b"\x00\x01\xff"), ("[]", {}), ("{}", {}), ("( 1 | 2 )", [1, 2]), ("()", [])):
            with self.subTest(text=text):
                self.load(f"value -> [ v -> {text} ]\n", records=1)
                self.assertOk(self.call("GET", "value"), {"v": value})
        self.load("value -> [ v -> nan ]\n", records=1)
        found = self.call("QUERY", ["value", "v"]).result
        self.assertNotEqual(found, found)

    def test_lists_and_empty_maps_by_notation(self):
        for line, document in (("k -> [ a -> ( 1 | [] | [ b -> 2 ] ) ]", {"a": [1, {}, {"b": 2}]}), ("k : { a : [1, 2] ; b : [] }", {"a": [1, 2], "b": []}),
                               ('{"k": {"a": [], "b": {}, "c": [[1], {"d": null}]}}', {"a": [], "b": {}, "c": [[1], {"d": None}]}),
                               ("k -> []", {}), ("k : {}", {}), ("k -> 12", 12), ('k -> "text"', "text")):
            with self.subTest(line=line):
                self.load(line + "\n", records=1)
                self.assertOk(self.call("GET", "k"), document)

    def test_a_json_object_with_several_keys_is_several_records(self):
        self.load('{"several1": 1, "several2": {"a": 2}}\n\n\n{"several3": 3}\n', records=3)
        self.assertOk(self.call("SCAN", "several"), [["several1", 1], ["several2", {"a": 2}], ["several3", 3]])

    def test_keys(self):
        self.load('bare_key-1 -> 1\n"quoted key" -> 2\n"\\x00\\xff" -> 3\n"é" -> 4\n', records=4)
        for key, value in (("bare_key-1", 1), ("quoted key", 2), (b"\x00\xff", 3), ("é", 4)):
            self.assertOk(self.call("GET", key), value)

    def test_wrong_lines_are_reported_and_the_rest_is_loaded(self):
        text = ('good1 -> [ a -> 1 ]\n'
                'wrong -> [ a -> 1\n'                  # The bracket is missed behind the last character.
                '\n'
                'wrong -> [ b -> word ]\n'             # A bare word as a value.
                'wrong -> [ "only" ]\n'                # A value in brackets that is no pair.
                'wrong -> [ a -> 1 | a -> 2 ]\n'       # A key twice.
                '"é" -> [ a -> wörd ]\n'           # Columns count characters.
                'good2 -> [ a -> 1 ]\n')
        ran = self.load(text, code=1, records=2, errors=5)
        file = self.folder / "data.txt"
        reports = [line for line in ran.err.splitlines() if line.startswith(f"{file}:")]
        places = [re.match(r":(\d+):(\d+): .", line[len(str(file)):]).groups() for line in reports]
        self.assertEqual([int(line) for line, _ in places], [2, 4, 5, 6, 7], ran.err)
        columns = [int(column) for _, column in places]
        self.assertEqual(columns[:2], [18, 17], ran.err)
        self.assertIn(columns[2], (12, 18, 19), "at the value or where the arrow is missing")
        self.assertEqual(columns[3:], [21, 15], ran.err)
        self.assertOk(self.call("HAS", "good1"), True)
        self.assertOk(self.call("HAS", "good2"), True)
        self.assertOk(self.call("HAS", "wrong"), False)

    def test_strict_stops_at_the_first(self):
        ran = self.load("strict1 -> 1\nstrict2 -> [ a ->\nstrict3 -> word\n" + "strict4 -> 1\n" * 10, "--strict", code=1)
        self.assertIn("data.txt:2:", ran.err)
        self.assertNotIn("data.txt:3:", ran.err)
        self.assertOk(self.call("HAS", "strict4"), False)

    def test_files_that_are_not_there_or_not_text(self):
        ran = self.assertRan(one_shot(self.cluster, "load", self.folder / "no-such-file"), 1, "")
        self.assertOneLine(ran.err, "no-such-file")
        ran = self.assertRan(one_shot(self.cluster, "load", self.folder), 1, "")
        self.assertOneLine(ran.err, self.folder)
        self.load(bytes(range(256)) * 20, code=1)
        self.load(b"", records=0)
        self.load(b"no-newline -> 1", records=1)
        self.load(b"windows -> 1\r\nlines -> 2\r\n", records=2)
        self.load("\ufeffwith-bom -> 1\n", records=1)
        self.assertOk(self.call("GET", "with-bom"), 1)

    def test_standard_input(self):
        ran = self.assertRan(one_shot(self.cluster, "load", "-", stdin="input1 -> 1\ninput2 -> 2\n"), 0)
        self.assertRegex((ran.out + ran.err).splitlines()[-1], SUMMARY)
        self.assertOk(self.call("COUNT", "input"), 2)
        ran = self.assertRan(one_shot(self.cluster, "load", "-", stdin="input3 -> [\n"), 1)
        self.assertRegex(ran.err, r"(?m)^[^:]+:1:\d+: ")

    def test_records_of_one_key_take_effect_in_the_order_of_the_file(self):
        self.load("".join(f"same{number % 7} -> {number}\n" for number in range(20_000)), records=20_000)
        self.assertOk(self.call("SCAN", "same"), [[f"same{key}", 20_000 - 1 - (20_000 - 1 - key) % 7] for key in range(7)])

    def test_large_records(self):
        self.load(f'large1 -> "{"x" * 5_000_000}"\nlarge2 -> "{"y" * 5_000_000}"\n', records=2)
        self.assertOk(self.call("GET", "large2"), "y" * 5_000_000)
        ran = self.load(f'large3 -> "{"x" * (17 << 20)}"\nlarge4 -> 1\n', code=1, records=1, errors=1)
        self.assertIn("data.txt:1:", ran.err)

    def test_what_generate_writes_is_loaded_and_reads_back(self):
        names = self.file("keys.txt", "name string\nage int\nheight float\nstreet string\nlevel int\n")
        generated = self.assertRan(run("trellis", "generate", "-k", names, "-n", 3000, "-d", 3, "-l", 4, "-m", 5, "--seed", 9), 0).out
        as_json = run("trellis", "generate", "-k", names, "-n", 3000, "-d", 3, "-l", 4, "-m", 5, "--seed", 9, "--format", "json").out
        self.load(generated, records=3000)
        expected = {}
        for line in as_json.splitlines():
            expected.update(json.loads(line))
        self.assertEqual(len(expected), 3000)
        keys = sorted(expected)
        for begin in range(0, 3000, 1000):
            replies = self.assertOk(self.call("BATCH", [["GET", [key]] for key in keys[begin:begin + 1000]])).result
            self.assertEqual([result for _, result, _ in replies], [expected[key] for key in keys[begin:begin + 1000]])


    def test_a_wrong_line_costs_no_other_however_large_lines_are(self):
        many = "{" + ", ".join(f'"many{number}": 1' for number in range(10_002)) + "}"
        self.load(f"before -> 1\n{many}\nafter -> 1\n", records=10_004)
        ran = self.load(f"before2 -> 1\n{many[:-1]}, broken\nafter2 -> 1\n", code=1, records=2, errors=1)
        self.assertEqual(len(ran.err.splitlines()), 1, ran.err[-500:])
        self.assertOk(self.call("HAS", "before2"), True)
        self.assertOk(self.call("HAS", "after2"), True)

    def test_the_first_errors_are_told_and_the_others_counted(self):
        ran = self.load("wrong\n" * 1234 + "right -> 1\n", code=1, records=1, errors=1234)
        lines = ran.err.splitlines()
        self.assertEqual(len(lines), 21, ran.err[-500:])
        self.assertIn("1,214 more errors", lines[-1])

    def test_objects_with_a_key_among_their_fields(self):
        text = '{"_id": "ann", "age": 22}\n{"_id": "bob", "age": 23}\n'
        ran = self.assertRan(one_shot(self.cluster, "load", self.file("people.json", text)), 2, "")
        self.assertOneLine(ran.err, "people.json", "--key-field _id", "--key-line", "--many-records-a-line")
        self.assertOk(self.call("HAS", "_id"), False)
        self.load(text, "--key-field", "_id", "--key-prefix", "people:", records=2, name="people.json")
        self.assertOk(self.call("SCAN", "people:"), [["people:ann", {"_id": "ann", "age": 22}], ["people:bob", {"_id": "bob", "age": 23}]])
        self.load(text, "--many-records-a-line", records=4)
        self.assertOk(self.call("GET", "_id"), "bob")
        self.load("[1, {}]", "--key-line", "--key-prefix", "place", records=2)
        self.assertOk(self.call("SCAN", "place"), [["place1", 1], ["place2", {}]])

    def test_arrays_and_pretty_printed_json(self):
        people = [{"_id": number, "name": {"first": f"n{number}"}} for number in range(1500)]
        for name, text in (("array.json", json.dumps(people)), ("pretty.json", json.dumps(people, indent=2)),
                           ("values.json", "\n".join(json.dumps(person, indent=4) for person in people))):
            with self.subTest(name):
                self.load(text, "--key-field", "name.first,_id", "--key-prefix", name + "/", records=1500, name=name)
                self.assertOk(self.call("GET", name + "/n7:7"), people[7])
                self.assertOk(self.call("COUNT", name), 1500)

    def test_tables(self):
        text = 'id,name,age\r\n7,"Ann, ""A""",22\r\n8,"two\nlines",\r\n9,short\r\n'
        ran = self.load(text, "--key-field", "id", "--types", "age=number", code=1, records=2, errors=1, name="people.csv")
        self.assertIn("people.csv:5:1: ", ran.err)
        self.assertOk(self.call("GET", "7"), {"id": "7", "name": 'Ann, "A"', "age": 22})
        self.assertOk(self.call("GET", "8"), {"id": "8", "name": "two\nlines", "age": None})
        ran = self.assertRan(one_shot(self.cluster, "load", self.file("people.csv", text)), 2, "")
        self.assertOneLine(ran.err, "--key-field", "id, name, age")
        self.load("id\tn\n10\t007\n11\t-1e2\n", "--key-field", "id", "--types", "auto", records=2, name="people.tsv")
        self.assertOk(self.call("GET", "10"), {"id": 10, "n": "007"})
        self.assertOk(self.call("GET", "11"), {"id": 11, "n": -100.0})
        for flags in (("--types", "age=date"), ("--key-field", "a..b"), ("--format", "xml"), ("--key-field", "a", "--key-line")):
            with self.subTest(flags=flags):
                self.assertOneLine(self.assertRan(one_shot(self.cluster, "load", self.file("people.csv", text), *flags), 2, "").err)

    def test_compressed_files(self):
        text = "".join(f"compressed{number} -> {number}\n" for number in range(2000))
        for name, data in (("whatever.txt", gzip.compress(text.encode())),
                           ("parts.gz", gzip.compress(text[:1000].encode()) + gzip.compress(text[1000:].encode()))):
            self.load(data, records=2000, name=name)
        ran = self.load(gzip.compress(text.encode())[:-9], code=1, name="cut.gz")
        self.assertIn("cut.gz: the compressed data ends early", ran.err)


class Export(ClusterTest):
    settings = {"workers": 3, "k": 2}

    def test_what_export_writes_load_gives_back(self):
        documents = {"plain": {"a": [1, 2.5, None, "é\n"], "b": {"c": True}}, "dollar": {"$binary": "AA=="}, "huge": 2**64 - 1,
                     "bytes": {"raw": b"\x00\xff"}, "infinite": float("inf"), b"\xff\x00": "a key of bytes", "export:other": 1}
        for key, document in documents.items():
            self.assertOk(self.call("PUT", key, document))
        before = self.call("SCAN", "").result
        for format in ("json", "jsonl", "arrow"):
            backup = self.folder / f"backup.{format}"
            ran = self.assertRan(one_shot(self.cluster, "export", backup, "--format", format), 0, "")
            self.assertOneLine(ran.err, f"exported {len(before)} records")
            for key, _ in before:
                self.assertOk(self.call("DELETE", key), True)
            self.assertOk(self.call("COUNT", ""), 0)
            self.assertRan(one_shot(self.cluster, "load", backup), 0)
            self.assertEqual(self.call("SCAN", "").result, before)
        ran = self.assertRan(one_shot(self.cluster, "export", "--prefix", "export:"), 0, '{"export:other": 1}\n')
        ran = self.assertRan(one_shot(self.cluster, "export", "/nowhere/backup.json"), 1, "")
        self.assertOneLine(ran.err, "/nowhere/backup.json")


class Generate(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.names = self.file("keys.txt", "name string\nage int\nheight float\nstreet string\nlevel int\n")

    def generate(self, *flags, code=0):
        return self.assertRan(run("trellis", "generate", "-k", self.names, *flags), code)

    def records(self, *flags):
        found = {}
        for line in self.generate(*flags, "--format", "json").out.splitlines():
            found.update(json.loads(line))
        return found

    def test_the_same_seed_gives_the_same_bytes(self):
        flags = ("-n", 200, "-d", 3, "-l", 4, "-m", 5)
        first = self.generate(*flags, "--seed", 1).out
        self.assertEqual(self.generate(*flags, "--seed", 1).out, first)
        self.assertNotEqual(self.generate(*flags, "--seed", 2).out, first)

    def test_keys_nesting_lengths_and_types(self):
        records = self.records("-n", 1000, "-d", 3, "-l", 4, "-m", 5, "--seed", 3)
        self.assertEqual(list(records), [f"key{number}" for number in range(1, 1001)])
        kinds = {"name": str, "age": int, "height": float, "street": str, "level": int}
        depths = set()

        def check(document, depth):
            depths.add(depth)
            self.assertLessEqual(len(document), 5)
            for name, value in document.items():
                if isinstance(value, dict):
                    check(value, depth + 1)
                else:
                    self.assertIs(type(value), kinds[name])
                    if isinstance(value, str):
                        self.assertRegex(value, "^[A-Za-z0-9]{1,4}$")
        for document in records.values():
            check(document, 0)
        self.assertLessEqual(max(depths), 3)
        self.assertGreater(max(depths), 0)

    def test_no_nesting(self):
        for document in self.records("-n", 100, "-d", 0, "-l", 4, "-m", 5).values():
            self.assertFalse(any(isinstance(value, dict) for value in document.values()))

    def test_arrow_is_the_default(self):
        lines = self.generate("-n", 3, "-d", 1, "-l", 4, "-m", 2).out.splitlines()
        self.assertEqual(len(lines), 3)
        self.assertRegex(lines[0], r'^"?key1"? -> \[')

    def test_wrong_key_files_and_flags(self):
        for text, word in (("name text\n", "text"), ("name\n", ":1"), ("name string\nname int\n", "name"), ("name string extra\n", ":1"), ("", "")):
            names = self.file("wrong.txt", text)
            with self.subTest(text=text):
                ran = run("trellis", "generate", "-k", names, "-n", 1, "-d", 1, "-l", 4, "-m", 2)
                self.assertIn(ran.code, (1, 2), ran)
                self.assertEqual(ran.out, "")
                self.assertOneLine(ran.err, word, "wrong.txt")
        for flags in (("-n", -1), ("-d", -1), ("-l", 0), ("-m", "many"), ("--format", "xml")):
            with self.subTest(flags=flags):
                ran = self.generate(*flags, code=2)
                self.assertOneLine(ran.err)
        ran = run("trellis", "generate", "-k", self.folder / "none.txt", "-n", 1)
        self.assertEqual(ran.code, 1)
        self.assertOneLine(ran.err, "none.txt")


if __name__ == "__main__":
    main()
