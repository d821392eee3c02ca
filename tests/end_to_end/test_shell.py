"""docs/commands.md, section The shell: each row through a pipe and as a one-shot command, exit codes, --json."""
import json
import random
import struct

import msgpack

from support import ClusterTest, EndToEndTest, free_ports, main, one_shot, run, shell, wait_for
from support.client import Packed

PERSONS = """\
PUT "person1" -> [ "name" -> "John" | "age" -> 22 ]
PUT "person2" -> [ "name" -> "Mary" | "address" -> [ "street" -> "Panepistimiou" | "number" -> 12 ] ]
PUT "person3" -> [ "name" -> "Eva" | "height" -> 1.75 ]
"""
MARY = "person2 -> [ name -> \"Mary\" | address -> [ street -> \"Panepistimiou\" | number -> 12 ] ]"


class ShellTest(ClusterTest):
    settings = {"workers": 3, "k": 2}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        ran = shell(cls.cluster, PERSONS)
        assert (ran.code, ran.out, ran.err) == (0, "OK\nOK\nOK\n", ""), ran

    def assertTyped(self, line, printed, code=0):
        """The line, typed through a pipe, prints this and nothing else."""
        with self.subTest(line=line):
            self.assertRan(shell(self.cluster, line), code, printed + "\n" if printed else "", "")

    def assertTypedWrong(self, line, code, *words):
        """The line prints nothing but one line `ERROR: ...` on stderr that has these words."""
        with self.subTest(line=line):
            ran = self.assertRan(shell(self.cluster, line), code, "")
            self.assertTrue(ran.err.startswith("ERROR: "), ran)
            self.assertOneLine(ran.err, *words)
            return ran

    def assertOneShot(self, words, printed, code=0):
        with self.subTest(words=words):
            self.assertRan(one_shot(self.cluster, *words), code, printed + "\n" if printed else "", "")


class Typed(ShellTest):
    def test_put_in_every_notation(self):
        for record in ('"put1" -> [ "name" -> "John" | "age" -> 22 ]', 'put1 -> [ name -> "John" | age -> 22 ]',
                       '"put1" : { "name" : "John" ; "age" : 22 }', 'put1 {"name": "John", "age": 22}',
                       '{"put1": {"name": "John", "age": 22}}', "{'put1': {'name': 'John', 'age': 22}}",
                       'put1 [ name -> "John" | age -> 22 ]', '“put1” -> [ “name” -> “John” | “age” -> 22 ]'):
            for command in ("PUT", "SET"):
                self.assertTyped(f"{command} {record}\nPOP put1", 'OK\nput1 -> [ name -> "John" | age -> 22 ]')

    def test_set_simple_values(self):
        for typed, printed in (("12", "12"), ('"some text"', '"some text"'), ("word", '"word"'), ('"12"', '"12"'), ("2.0", "2.0"),
                               ("-7", "-7"), ("1e3", "1000.0"), ("true", "true"), ("null", "null"), ("nan", "nan"), ("-inf", "-inf"),
                               ("None", "null"), ("False", "false"), ("[]", "[]"), ("{}", "[]"), ("( 1 | 2 )", "( 1 | 2 )"),
                               ('bytes("AAH/")', 'bytes("AAH/")'), ("18446744073709551615", "18446744073709551615"),
                               ("-9223372036854775808", "-9223372036854775808"), ('"a\\n\\"b\\""', '"a\\n\\"b\\""')):
            self.assertTyped(f"SET simple {typed}\nGET simple", f"OK\nsimple -> {printed}")

    def test_get(self):
        self.assertTyped("GET person1", 'person1 -> [ name -> "John" | age -> 22 ]')
        self.assertTyped("GET person2", MARY)
        self.assertTyped("GET nobody", "NOT FOUND", 1)

    def test_query(self):
        self.assertTyped("QUERY person2.address.number", "person2.address.number -> 12")
        self.assertTyped("QUERY person2.address", 'person2.address -> [ street -> "Panepistimiou" | number -> 12 ]')
        self.assertTyped("QUERY person1.nothing", "NOT FOUND", 1)
        self.assertTyped("QUERY nobody.nothing", "NOT FOUND", 1)

    def test_query_quotes_positions_and_digits(self):
        self.assertTyped('PUT "my.key" {"sub": {"a b": 1, "7": "seven"}, "list": [10, 20]}', "OK")
        self.assertTyped('QUERY "my.key".sub."a b"', '"my.key".sub."a b" -> 1')
        self.assertTyped('QUERY "my.key".list.1', '"my.key".list.1 -> 20')
        self.assertTyped('QUERY "my.key".sub.7', '"my.key".sub.7 -> "seven"')
        self.assertTyped('QUERY "my.key".sub."7"', '"my.key".sub."7" -> "seven"')
        self.assertTyped('QUERY "my.key".list."1"', "NOT FOUND", 1)

    def test_has_and_delete(self):
        self.assertTyped("HAS person1", "true")
        self.assertTyped("HAS nobody", "false", 1)
        self.assertTyped("SET gone 1\nDELETE gone\nHAS gone", "OK\nOK\nfalse", 1)
        self.assertTyped("DELETE nobody", "NOT FOUND", 1)

    def test_pop(self):
        self.assertTyped('SET popped "x"\nPOP popped', 'OK\npopped -> "x"')
        self.assertTyped("POP popped", "NOT FOUND", 1)

    def test_changes_in_place(self):
        self.assertTyped('PUT p2 {"address": {"number": 12}, "old": 1}\nSET p2.address.number 13\nINCREMENT p2.visits\nINCR p2.visits BY 5\n'
                         'APPEND p2.tags "x"\nMERGE p2 {"age": 33, "old": null}\nGET p2',
                         'OK\nOK\n1\n6\n1\nOK\np2 -> [ address -> [ number -> 13 ] | visits -> 6 | tags -> ( "x" ) | age -> 33 ]')
        self.assertTyped('PATCH p2 [["increment", ["visits"], 1], ["set", ["seen"], true]]', "( 7 | true )")
        self.assertTyped("HAS p2.address\nDELETE p2.address\nDELETE p2.address", "true\nOK\nNOT FOUND", 1)
        self.assertTyped("POP p2.tags.0\nPOP p2.tags.0", 'p2.tags.0 -> "x"\nNOT FOUND', 1)
        self.assertTypedWrong("INCREMENT p2.seen", 4, "operation 1 (increment) at p2.seen", "a boolean is there")
        self.assertOneShot(["put", "p2.a", "5"], "OK")
        self.assertOneShot(["increment", "p2.a", "by", "-2"], "3")
        self.assertOneShot(["get", "p2", "--json"], '{"visits": 7, "tags": [], "age": 33, "seen": true, "a": 3}')

    def test_expiry(self):
        self.assertTyped("PUT e 1 --ttl 2h\nPERSIST e\nTTL e\nEXPIRE e 1ms\nEXPIRE nobody 60s", "OK\nOK\nfor good\nOK\nNOT FOUND", 1)
        self.assertTyped("PERSIST nobody", "NOT FOUND", 1)

    def test_compute(self):
        self.assertTyped("COMPUTE 2*(x+3) WHERE x = QUERY person2.address.number", "30")
        self.assertTyped("COMPUTE 2/(x+3*(y+z)) WHERE x = QUERY person2.address.number AND y = QUERY person1.age "
                         "AND z = QUERY person3.height", "0.024024024024024024")
        self.assertTyped("COMPUTE 1+1", "2")
        self.assertTyped("COMPUTE 0*-1", "0")
        self.assertTyped("COMPUTE 1/3", "0.3333333333333333")
        self.assertTyped("compute x where x = query person1.age", "22")

    def test_compute_that_cannot_be(self):
        ran = self.assertTypedWrong("COMPUTE 2*x WHERE x = QUERY person2.nothing", 1)
        self.assertEqual(ran.err, "ERROR: x: nothing at person2.nothing\n")
        ran = self.assertTypedWrong("COMPUTE 2*x WHERE x = QUERY person2.name", 2)
        self.assertEqual(ran.err, "ERROR: x: person2.name is a string, not a number\n")
        self.assertTypedWrong("COMPUTE 1/0", 2)
        self.assertTypedWrong("COMPUTE 1+", 2)
        self.assertTypedWrong("COMPUTE", 2)

    def test_keys_scan_and_count(self):
        keys = ["list1", "list2", '"list 3"', '"list.4"']
        self.assertTyped("".join(f"SET {key} {number}\n" for number, key in enumerate(keys)), "OK\nOK\nOK\nOK")
        expected = '"list 3"\n"list.4"\nlist1\nlist2'
        self.assertTyped("KEYS list", expected)
        self.assertTyped("LIST KEYS list", expected)
        self.assertTyped("LIST_KEYS list", expected)
        self.assertTyped("SCAN list", '"list 3" -> 2\n"list.4" -> 3\nlist1 -> 0\nlist2 -> 1')
        self.assertTyped("COUNT list", "4")
        self.assertTyped("COUNT nothing-there", "0")
        self.assertTyped("KEYS nothing-there", "")
        for line in ("KEYS", "LIST KEYS", "LIST_KEYS"):
            self.assertIn("person1\nperson2\nperson3\n", shell(self.cluster, line).out)

    def test_keys_prints_all_pages(self):
        names = [f"paged{number:05}" for number in range(2500)]
        self.assertOk(self.call("BATCH", [["PUT", [name, 0]] for name in names]))
        self.assertTyped("KEYS paged", "\n".join(names))
        self.assertTyped("SCAN paged", "\n".join(f"{name} -> 0" for name in names))
        self.assertTyped("COUNT paged", "2500")

    def test_members(self):
        for line in ("MEMBERS", "LIST MEMBERS", "LIST_MEMBERS"):
            ran = self.assertRan(shell(self.cluster, line), 0)
            head, *rows = ran.out.splitlines()
            for column in ("id", "address", "state", "heartbeat", "partitions", "leads", "keys", "size"):
                self.assertIn(column, head.lower())
            for number in range(3):
                self.assertEqual(1, sum(self.cluster.address_of(number) in row and "up" in row for row in rows), ran.out)

    def test_locate(self):
        ran = self.assertRan(shell(self.cluster, "LOCATE person1"), 0)
        where = self.call("LOCATE", "person1").result
        self.assertEqual(ran.out, f"partition {where['partition']}, leader {where['addresses'][where['leader']]}, replicas "
                         + " ".join(where["addresses"][replica] for replica in where["replicas"]) + "\n")

    def test_status_and_ping(self):
        ran = self.assertRan(shell(self.cluster, "STATUS"), 0)
        values = dict(line.split(": ", 1) for line in ran.out.splitlines())
        for name, value in (("k", "2"), ("replicas", "3"), ("tolerates", "1"), ("workers", "3"), ("guaranteed", "true")):
            self.assertEqual(values[name], value)
        self.assertTyped("PING", "PONG")

    def test_help_and_exit(self):
        help_ = self.assertRan(shell(self.cluster, "HELP"), 0).out
        for command in ("PUT", "GET", "QUERY", "COMPUTE", "KEYS", "SCAN", "COUNT", "MEMBERS", "LOCATE", "STATUS", "EXIT"):
            self.assertIn(command, help_)
            self.assertIn(command, self.assertRan(shell(self.cluster, f"HELP {command}"), 0).out)
        self.assertTyped("EXIT\nGET person1", "")
        self.assertTyped("PING\nexit;\nPING", "PONG")

    def test_case_semicolons_blanks_and_quotes_are_free(self):
        for line in ("get person1", "Get person1;", '  GET   "person1"  ;  ', "GET 'person1'", "gEt person1\n\n   \n", "GET person1\r"):
            self.assertTyped(line, 'person1 -> [ name -> "John" | age -> 22 ]')

    def test_a_last_line_without_an_end(self):
        self.assertRan(run("trellis", "-b", self.cluster.frontend, stdin="PING"), 0, "PONG\n", "")
        self.assertRan(run("trellis", "-b", self.cluster.frontend, stdin=""), 0, "", "")

    def test_errors_name_what_would_be_right_and_the_shell_goes_on(self):
        ran = shell(self.cluster, "PING\nGTE person1\nPING")
        self.assertEqual((ran.code, ran.out), (2, "PONG\nPONG\n"))
        self.assertOneLine(ran.err, "ERROR: ", "GTE", "GET")
        for line, word in (("QEURY a", "QUERY"), ("DELET a", "DELETE"), ("MEMBER", "MEMBERS"), ("COMPTE 1", "COMPUTE"), ("KEY", "KEYS")):
            self.assertTypedWrong(line, 2, word)
        for line in ("GET", "GET a b", "PUT", "PUT a", "HAS", "DELETE", "QUERY", "PING PING", "SET k [ a -> 1", 'GET "unclosed', "LOCATE"):
            self.assertTypedWrong(line, 2)

    def test_the_exit_code_is_the_highest(self):
        for lines, code in (("PING", 0), ("PING\nGET nobody\nPING", 1), ("GET nobody\nNONSENSE\nPING", 2),
                            ("NONSENSE\nSET one 1 --if-absent\nSET one 1 --if-absent\nGET nobody", 4)):
            self.assertEqual(shell(self.cluster, lines).code, code, lines)

    def test_options_after_a_command(self):
        self.assertTyped("SET option 1 --if-absent", "OK")
        ran = self.assertTypedWrong("SET option 2 --if-absent", 4)
        self.assertIn("exists", ran.err)
        version = self.call("GET", "option").info["version"]
        self.assertTypedWrong(f"SET option 3 --if-version {version + 1}", 4)
        self.assertTyped(f"SET option 3 --if-version {version}", "OK")
        self.assertTypedWrong(f"DELETE option --if-version {version}", 4)
        self.assertTyped("GET option --stale --timeout 5000", "option -> 3")
        self.assertTypedWrong("GET option --timeout 0", 2)
        self.assertTypedWrong("GET option --no-such-option", 2, "--no-such-option")
        self.assertTyped("PUT option {\"a\": 1} --timeout 5000\nGET option", "OK\noption -> [ a -> 1 ]")

    def test_what_get_prints_is_a_record_that_put_takes(self):
        source = random.Random(11)

        def value(depth):
            kind = source.randrange(9 if depth else 6)
            if kind > 6:
                return {source.choice(("a", "b c", "", "é", "12", "x.y", '"', "\\", "\n", "true")) + str(number): value(depth - 1)
                        for number in range(source.randrange(4))}
            if kind == 6:
                return [value(depth - 1) for _ in range(source.randrange(4))]
            return (None, source.choice((True, False)), source.randint(-2**63, 2**64 - 1),
                    struct.unpack(">d", source.randbytes(8))[0], source.choice(("", "text", "12", "null", "a\"b\\c\n\t\x00", "Ελλ 𝄞", "]|->")),
                    source.randbytes(source.randrange(9)))[kind]
        documents = [value(4) for _ in range(300)] + [0.1, 1e22, 1e-7, -0.0, 5e-324, 2.0, float("inf"), float("-inf"), [[]], [{}], {"a": []}]
        documents = [0.5 if document != document else document for document in documents]
        keys = [f"round{number} \"é\n" for number in range(len(documents))]
        packed = [msgpack.packb(document) for document in documents]
        for key, document in zip(keys, packed):
            self.assertOk(self.call("PUT", key, Packed(document)))
        printed = self.assertRan(shell(self.cluster, "SCAN round"), 0).out
        self.assertEqual(len(printed.splitlines()), len(documents))
        for key in keys:
            self.assertOk(self.call("DELETE", key), True)
        ran = shell(self.cluster, "".join(f"PUT {line}\n" for line in printed.splitlines()))
        self.assertRan(ran, 0, "OK\n" * len(documents), "")
        for key, document in zip(keys, packed):
            self.assertSameDocument(self.call("GET", key).packed_result, document)

    def assertSameDocument(self, one, other):
        """Equal in type, value and order of keys, and NaN is NaN."""
        def plain(packed):
            return repr(msgpack.unpackb(packed, object_pairs_hook=tuple))
        self.assertEqual(plain(one), plain(other))

    def test_a_float32_becomes_a_float64_of_equal_value(self):
        self.assertOk(self.call("PUT", "single", Packed(b"\xca" + struct.pack(">f", 0.1))))
        printed = shell(self.cluster, "GET single").out
        self.assertTyped(f"PUT {printed.strip()}", "OK")
        self.assertOk(self.call("GET", "single"), struct.unpack(">f", struct.pack(">f", 0.1))[0])

    def test_keys_of_any_bytes(self):
        self.assertTyped('SET "\\xfe\\xff" 1', "OK")
        self.assertOk(self.call("GET", b"\xfe\xff"), 1)
        self.assertTyped('GET "\\xfe\\xff"\nDELETE "\\xfe\\xff"', '"\\xfe\\xff" -> 1\nOK')


class OneShot(ShellTest):
    def test_each_command(self):
        for words, printed, code in (
                (["get", "person1"], 'person1 -> [ name -> "John" | age -> 22 ]', 0), (["GET", "person2"], MARY, 0),
                (["get", "nobody"], "NOT FOUND", 1), (["put", "shot", '{"name": "John"}'], "OK", 0),
                (["get", "shot"], 'shot -> [ name -> "John" ]', 0), (["put", 'shot -> [ a -> "b c" ]'], "OK", 0),
                (["query", "shot.a"], 'shot.a -> "b c"', 0), (["set", "shot", "word"], "OK", 0), (["pop", "shot"], 'shot -> "word"', 0),
                (["set", "shot", '"two words"'], "OK", 0), (["has", "shot"], "true", 0), (["delete", "shot"], "OK", 0),
                (["has", "shot"], "false", 1), (["delete", "shot"], "NOT FOUND", 1),
                (["query", "person2.address.number"], "person2.address.number -> 12", 0),
                (["query", "person1.nothing"], "NOT FOUND", 1), (["compute", "1+1"], "2", 0),
                (["compute", "2*(x+3)", "where", "x", "=", "query", "person2.address.number"], "30", 0),
                (["compute", "2*(x+3) WHERE x = QUERY person2.address.number"], "30", 0),
                (["keys", "person"], "person1\nperson2\nperson3", 0), (["count", "person"], "3", 0), (["ping"], "PONG", 0),
                (["list", "keys", "person"], "person1\nperson2\nperson3", 0), (["list_keys", "person"], "person1\nperson2\nperson3", 0)):
            self.assertOneShot(words, printed, code)
        self.assertIn(MARY + "\n", one_shot(self.cluster, "scan", "person").out)
        for words in (["members"], ["list", "members"], ["locate", "person1"], ["status"]):
            self.assertRan(one_shot(self.cluster, *words), 0, err="")

    def test_options_stand_before_or_after_the_command(self):
        for words in (["--timeout", "3000", "get", "person2"], ["get", "--timeout", "3000", "person2"], ["get", "person2", "--stale"],
                      ["--stale", "get", "person2"]):
            self.assertOneShot(words, MARY)
        self.assertRan(run("trellis", "get", "person2", "-b", self.cluster.frontend), 0, MARY + "\n")
        self.assertRan(run("trellis", "get", "-b", f"tcp://{self.cluster.frontend}", "person2"), 0, MARY + "\n")

    def test_conditions(self):
        self.assertOneShot(["put", "shot-if", "1", "--if-absent"], "OK")
        self.assertEqual(one_shot(self.cluster, "put", "shot-if", "1", "--if-absent").code, 4)
        version = str(self.call("GET", "shot-if").info["version"])
        self.assertOneShot(["put", "shot-if", "2", "--if-version", version], "OK")
        self.assertEqual(one_shot(self.cluster, "delete", "shot-if", "--if-version", version).code, 4)

    def test_wrong_usage(self):
        for words in (["gte", "person1"], ["get"], ["get", "a", "b"], ["put", "k", "[ a -> "], ["--no-such-flag"], ["get", "k", "--timeout", "soon"],
                      ["get", "k", "--timeout", "0"], ["-b", "no-port", "get", "k"], ["compute", "1+"]):
            with self.subTest(words=words):
                ran = self.assertRan(one_shot(self.cluster, *words), 2, "")
                self.assertOneLine(ran.err)

    def test_keys_and_values_with_blanks_are_one_word_each(self):
        self.assertOneShot(["set", '"two words"', '"a  b"'], "OK")
        self.assertOk(self.call("GET", "two words"), "a  b")


class Json(ShellTest):
    def json(self, *words, code=0):
        ran = self.assertRan(one_shot(self.cluster, "--json", *words), code)
        self.assertEqual(ran.out.count("\n"), 1, ran)
        return json.loads(ran.out)

    def test_every_command_prints_one_line(self):
        self.assertEqual(self.json("get", "person1"), {"name": "John", "age": 22})
        self.assertIsNone(self.json("get", "nobody", code=1))
        self.assertEqual(self.json("query", "person2.address.number"), 12)
        self.assertIs(self.json("put", "json", "1"), True)
        self.assertIs(self.json("set", "json", "1"), False)
        self.assertIs(self.json("has", "json"), True)
        self.assertEqual(self.json("pop", "json"), 1)
        self.assertIs(self.json("has", "json", code=1), False)
        self.assertIs(self.json("delete", "json", code=1), False)
        self.assertEqual(self.json("compute", "1+1"), 2)
        self.assertEqual(self.json("keys", "person"), ["person1", "person2", "person3"])
        self.assertEqual(self.json("scan", "person1"), [["person1", {"name": "John", "age": 22}]])
        self.assertEqual(self.json("count", "person"), 3)
        self.assertEqual({member["address"] for member in self.json("members")}, {self.cluster.address_of(n) for n in range(3)})
        self.assertEqual(self.json("locate", "person1"), self.call("LOCATE", "person1").result)
        self.assertEqual(self.json("status"), self.call("STATUS").result)
        self.assertEqual(self.json("ping"), "PONG")

    def test_through_a_pipe_too(self):
        ran = self.assertRan(shell(self.cluster, "GET person1\nGET nobody\nPING", "--json"), 1)
        self.assertEqual([json.loads(line) for line in ran.out.splitlines()], [{"name": "John", "age": 22}, None, "PONG"])

    def test_all_64_bits(self):
        for value in (2**64 - 1, -2**63, 2**53 + 1):
            self.assertOk(self.call("PUT", "wide", value))
            self.assertIn(str(value), one_shot(self.cluster, "--json", "get", "wide").out)

    def test_bytes_and_dollars(self):
        for document, shown in ((b"\x00\x01\xff", {"$binary": "AAH/"}), ({"$binary": "AAH/"}, {"$$binary": "AAH/"}),
                                ({"$": 1}, {"$$": 1}), ({"$a": 1, "b": 2}, {"$a": 1, "b": 2}), ([b"", {"$$x": b"a"}],
                                [{"$binary": ""}, {"$$$x": {"$binary": "YQ=="}}])):
            self.assertOk(self.call("PUT", "dollar", document))
            self.assertEqual(self.json("get", "dollar"), shown)
        self.assertOk(self.call("PUT", b"binary\xff", 1))
        self.assertEqual(self.json("keys", "binary"), [{"$binary": "YmluYXJ5/w=="}])

    def test_the_order_of_keys_is_kept(self):
        self.assertOk(self.call("PUT", "order", {"z": 1, "a": 2, "m": 3}))
        self.assertEqual(list(self.json("get", "order")), ["z", "a", "m"])

    def test_errors_are_json_on_stderr(self):
        ran = self.assertRan(one_shot(self.cluster, "--json", "compute", "1/0"), 2, "null\n")
        error = json.loads(ran.err)
        self.assertEqual(error.keys(), {"status", "message"})
        self.assertEqual(error["status"], "INVALID_ARGUMENT")
        self.assertEqual(ran.err.count("\n"), 1)


class WithWorkersDown(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.cluster = self.start_cluster(workers=3, k=2)
        client = self.client_of(self.cluster)
        self.assertOk(client.call("PUT", "person1", {"age": 22}))
        wait_for(lambda: all(member["keys"] == 1 for member in self.cluster.members().values()), "all replicas to have it")

    def test_one_down_goes_without_a_warning(self):
        self.cluster.kill_worker(0)
        self.cluster.wait_for_state(0, "down")
        self.assertRan(shell(self.cluster, "GET person1\nSET k 1\nDELETE k"), 0, "person1 -> [ age -> 22 ]\nOK\nOK\n", "")

    def test_two_down(self):
        for number in (0, 1):
            self.cluster.kill_worker(number)
        for number in (0, 1):
            self.cluster.wait_for_state(number, "down")
        warning = "WARNING: 2 of 3 workers are down, k=2: correct output cannot be guaranteed\n"
        with self.subTest("a read is answered, with the warning before it"):
            self.assertRan(one_shot(self.cluster, "get", "person1"), 0, "person1 -> [ age -> 22 ]\n", warning)
            self.assertRan(one_shot(self.cluster, "compute", "x WHERE x = QUERY person1.age"), 0, "22\n", warning)
            self.assertRan(one_shot(self.cluster, "keys"), 0, "person1\n", warning)
        with self.subTest("what is not there"):
            self.assertRan(one_shot(self.cluster, "get", "nobody"), 1, "NOT FOUND\n", warning)
        with self.subTest("DELETE says what it would take"):
            ran = self.assertRan(one_shot(self.cluster, "delete", "person1", "--timeout", "3000"), 3, "")
            error = ran.err.replace(warning, "")
            self.assertTrue(error.startswith("ERROR: DELETE cannot be reliably executed: "), ran)
            self.assertOneLine(error, "1", "2")
        with self.subTest("so do the other writes, in their way"):
            for words in (["put", "person1", "1"], ["set", "k", "1"], ["pop", "person1"]):
                ran = self.assertRan(one_shot(self.cluster, *words, "--timeout", "3000"), 3, "")
                self.assertIn("ERROR: ", ran.err)
        with self.subTest("the shell goes on, and ends with the highest code"):
            ran = self.assertRan(shell(self.cluster, "DELETE person1\nGET person1\nPING"), 3, "person1 -> [ age -> 22 ]\nPONG\n")
            self.assertEqual(ran.err.count(warning), 2, ran)
        with self.subTest("STATUS and MEMBERS show it"):
            self.assertIn("guaranteed: false\n", one_shot(self.cluster, "status").out)
            self.assertEqual(one_shot(self.cluster, "members").out.count("down"), 2)
        with self.subTest("with --json it is JSON too"):
            ran = self.assertRan(one_shot(self.cluster, "--json", "get", "person1"), 0)
            self.assertEqual(json.loads(ran.out), {"age": 22})
            told = json.loads(ran.err)
            self.assertEqual(told.keys(), {"status", "message"})
            self.assertIn("2 of 3 workers are down", told["message"])


class WithoutABroker(EndToEndTest):
    def test_exit_code_3(self):
        endpoint = f"127.0.0.1:{free_ports(1)[0]}"
        for words in (["get", "k"], ["put", "k", "1"], ["ping"], ["status"]):
            ran = self.assertRan(run("trellis", "-b", endpoint, "--timeout", "400", *words, seconds=10), 3, "")
            self.assertOneLine(ran.err, "ERROR: ")
        self.assertEqual(run("trellis", "-b", endpoint, "--timeout", "400", stdin="PING\nGET k\n", seconds=10).code, 3)

    def test_the_next_broker_is_tried(self):
        cluster = self.start_cluster(workers=1, k=1)
        nobody = f"127.0.0.1:{free_ports(1)[0]}"
        ran = run("trellis", "-b", nobody, "-b", cluster.frontend, stdin="SET k 1\nGET k\n")
        self.assertEqual((ran.code, ran.out), (0, "OK\nk -> 1\n"), ran)


if __name__ == "__main__":
    main()
