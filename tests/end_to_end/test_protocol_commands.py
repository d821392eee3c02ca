"""docs/protocol.md, section Commands: every row of the table, its options, its errors and its limits."""
import math
import random

from support import ClusterTest, main, wait_for

MEBIBYTE = 1 << 20


class OneKey(ClusterTest):
    settings = {"workers": 3, "k": 2}

    def test_put_and_set(self):
        for command in ("PUT", "SET"):
            key = self.key(command)
            self.assertOk(self.call(command, key, {"a": 1}), True)
            self.assertOk(self.call(command, key, 2), False)
            self.assertOk(self.call("GET", key), 2)

    def test_get(self):
        self.assertError(self.call("GET", self.key()), "NOT_FOUND")
        self.assertOk(self.call("PUT", self.key(), None), True)
        self.assertOk(self.call("GET", self.key()), None)

    def test_has(self):
        self.assertOk(self.call("HAS", self.key()), False)
        self.assertOk(self.call("PUT", self.key(), False))
        self.assertOk(self.call("HAS", self.key()), True)

    def test_delete(self):
        self.assertOk(self.call("DELETE", self.key()), False)
        self.assertOk(self.call("PUT", self.key(), 1))
        self.assertOk(self.call("DELETE", self.key()), True)
        self.assertOk(self.call("DELETE", self.key()), False)
        self.assertOk(self.call("HAS", self.key()), False)

    def test_pop(self):
        self.assertError(self.call("POP", self.key()), "NOT_FOUND")
        self.assertOk(self.call("PUT", self.key(), {"a": [1]}))
        self.assertOk(self.call("POP", self.key()), {"a": [1]})
        self.assertError(self.call("POP", self.key()), "NOT_FOUND")

    def test_query(self):
        key = self.key()
        self.assertOk(self.call("PUT", key, {"a": {"b": [10, {"c": "d"}, None]}, "7": "seven", "": "empty", "07": "zero-seven"}))
        for path, found in (([], ...), (["a", "b"], [10, {"c": "d"}, None]), (["a", "b", 0], 10), (["a", "b", 1, "c"], "d"),
                            (["a", "b", 2], None), ([7], "seven"), (["7"], "seven"), ([""], "empty"), (["07"], "zero-seven")):
            with self.subTest(path=path):
                reply = self.assertOk(self.call("QUERY", [key, *path]))
                if found is not ...:
                    self.assertEqual(reply.result, found)
        for path in (["b"], ["a", "b", 3], ["a", "b", "0"], ["a", "b", "c"], ["a", "b", 0, "x"], ["a", "b", 0, 0], [8],
                     ["a", "b", 2, "x"], ["a", 0], ["a", "b", 2**63], ["a", "b", 1, "c", 0]):
            with self.subTest(path=path):
                self.assertError(self.call("QUERY", [key, *path]), "NOT_FOUND")
        self.assertError(self.call("QUERY", [self.key("nothing"), "a"]), "NOT_FOUND")

    def test_paths_that_are_none(self):
        for path in ([], "k", None, {"k": 1}, ["k", None], ["k", -1], ["k", 1.5], ["k", ["a"]], ["k", True]):
            self.assertError(self.call("QUERY", path), "INVALID_ARGUMENT", "path")

    def test_versions_grow_with_each_write_and_are_read_back(self):
        key = self.key()
        first = self.assertOk(self.call("PUT", key, {"a": 1})).info["version"]
        second = self.assertOk(self.call("SET", key, {"a": 2})).info["version"]
        self.assertGreater(second, first)
        for command, argument in (("GET", key), ("HAS", key), ("QUERY", [key, "a"])):
            self.assertEqual(self.assertOk(self.call(command, argument)).info["version"], second)
        self.assertEqual(self.assertOk(self.call("POP", key)).info["version"], second)
        self.assertNotIn("version", self.assertOk(self.call("HAS", key), False).info)
        again = self.assertOk(self.call("PUT", key, 1), True).info["version"]
        self.assertGreater(again, second, "a version is never used again, also after a delete")

    def test_if_absent(self):
        for command in ("PUT", "SET"):
            key = self.key(command)
            self.assertOk(self.call(command, key, 1, if_absent=True), True)
            self.assertError(self.call(command, key, 2, if_absent=True), "ALREADY_EXISTS")
            self.assertOk(self.call("GET", key), 1)
            self.assertOk(self.call(command, key, 3, if_absent=False), False)
            self.assertOk(self.call("DELETE", key), True)
            self.assertOk(self.call(command, key, 4, if_absent=True), True)

    def test_if_version(self):
        for command in ("PUT", "SET"):
            key = self.key(command)
            self.assertError(self.call(command, key, 1, if_version=1), "FAILED_PRECONDITION")
            version = self.assertOk(self.call(command, key, 1)).info["version"]
            self.assertError(self.call(command, key, 2, if_version=version + 1), "FAILED_PRECONDITION")
            newer = self.assertOk(self.call(command, key, 3, if_version=version), False).info["version"]
            self.assertError(self.call(command, key, 4, if_version=version), "FAILED_PRECONDITION")
            self.assertOk(self.call("GET", key), 3)
            self.assertError(self.call("DELETE", key, if_version=version), "FAILED_PRECONDITION")
            self.assertOk(self.call("DELETE", key, if_version=newer), True)
            self.assertError(self.call("DELETE", key, if_version=newer), "FAILED_PRECONDITION")

    def test_info_leaves_out_what_says_nothing(self):
        self.assertEqual(self.call("PUT", self.key(), 1).info.keys(), {"version"})
        self.assertEqual(self.call("DELETE", self.key()).info, {})
        self.assertEqual(self.call("COUNT", self.key()).info, {})
        self.assertEqual(self.call("GET", self.key()).info.keys(), {"message"})


class Compute(ClusterTest):
    settings = {"workers": 3, "k": 2}

    def assertComputes(self, expression, value, variables=None):
        result = self.assertOk(self.call("COMPUTE", expression, *([variables] if variables is not None else []))).result
        self.assertIs(type(result), float)
        self.assertTrue(math.isclose(result, value, rel_tol=1e-14, abs_tol=1e-15), f"{expression} is {result}, not {value}")

    def test_operators(self):
        for expression, value in (("1+1", 2), ("2*3+4", 10), ("2*(3+4)", 14), ("7/2", 3.5), ("7-2-1", 4), ("8/2/2", 2), ("2^3^2", 512),
                                  ("-2^2", -4), ("2^-1", 0.5), ("(-2)^2", 4), ("--3", 3), ("-(1+2)", -3), ("2*-3", -6), ("1e3", 1000),
                                  ("1.5e-3", 0.0015), (" 1 + 2 ", 3), ("0.1+0.2", 0.1 + 0.2), ("((((1))))", 1)):
            with self.subTest(expression=expression):
                self.assertComputes(expression, value)

    def test_functions_and_constants(self):
        for expression, value in (("sin(pi/2)", 1), ("cos(0)", 1), ("tan(pi/4)", 1), ("log(1000)", 3), ("ln(e)", 1), ("exp(1)", math.e),
                                  ("sqrt(2)", math.sqrt(2)), ("abs(-3)", 3), ("min(1,2)", 1), ("max(1,2)", 2), ("pi", math.pi),
                                  ("e", math.e), ("log(e)", math.log10(math.e)), ("-2^2+max(1, min(5, 3))*2", 2)):
            with self.subTest(expression=expression):
                self.assertComputes(expression, value)

    def test_variables(self):
        key = self.key()
        self.assertOk(self.call("PUT", key, {"int": 12, "float": 2.5, "list": [1, 2], "big": 2**64 - 1, "low": -2**63}))
        self.assertComputes("2*(x+3)", 30, {"x": [key, "int"]})
        self.assertComputes("x*y-z", 12 * 2.5 - 2, {"x": [key, "int"], "y": [key, "float"], "z": [key, "list", 1]})
        self.assertComputes("x", float(2**64 - 1), {"x": [key, "big"]})
        self.assertComputes("x", float(-2**63), {"x": [key, "low"]})
        self.assertOk(self.call("PUT", self.key("number"), 5))
        self.assertComputes("some_name2 + 1", 6, {"some_name2": [self.key("number")]})

    def test_variables_of_many_partitions(self):
        names = [f"v{number}" for number in range(100)]
        for number, name in enumerate(names):
            self.assertOk(self.call("PUT", self.key(name), number))
        self.assertComputes("+".join(names), sum(range(100)), {name: [self.key(name)] for name in names})

    def test_a_variable_that_is_missing(self):
        self.assertOk(self.call("PUT", "person2", {"name": "Mary"}))
        self.assertError(self.call("COMPUTE", "2*x", {"x": ["person2", "nothing"]}), "NOT_FOUND", "x", "person2.nothing")
        self.assertError(self.call("COMPUTE", "2*x", {"x": [self.key("nobody")]}), "NOT_FOUND", "x")

    def test_a_variable_that_is_no_number(self):
        key = "compute-kinds"
        self.assertOk(self.call("PUT", key, {"name": "Mary", "bytes": b"1", "nil": None, "yes": True, "list": [1], "map": {}}))
        for name, kind in (("name", "string"), ("bytes", "bytes"), ("nil", ""), ("yes", "bool"), ("list", ""), ("map", "map")):
            self.assertError(self.call("COMPUTE", "2*x", {"x": [key, name]}), "INVALID_ARGUMENT", "x", f"{key}.{name}", kind)

    def test_results_that_are_not_finite(self):
        self.assertOk(self.call("PUT", self.key(), {"nan": float("nan"), "inf": float("inf")}))
        for expression in ("1/0", "0/0", "-1/0", "ln(0)", "log(0)", "sqrt(-1)", "ln(-1)", "10^400", "exp(1000)", "0^-1", "1/(2-2)"):
            with self.subTest(expression=expression):
                self.assertError(self.call("COMPUTE", expression), "INVALID_ARGUMENT")
        self.assertError(self.call("COMPUTE", "x", {"x": [self.key(), "nan"]}), "INVALID_ARGUMENT")
        self.assertError(self.call("COMPUTE", "x", {"x": [self.key(), "inf"]}), "INVALID_ARGUMENT")

    def test_expressions_that_are_none(self):
        for expression in ("", " ", "1+", "*1", "(1", "1)", "()", "1 2", "x", "foo(1)", "sin()", "sin(1,2)", "1,2", "1;2", "$", "1..2", "\x00",
                           "1+\x001", "2x"):
            with self.subTest(expression=expression):
                self.assertError(self.call("COMPUTE", expression), "INVALID_ARGUMENT")

    def test_what_the_parser_behind_it_would_allow_and_the_protocol_does_not(self):
        self.assertOk(self.call("PUT", self.key(), 1))
        x = {"x": [self.key()]}
        for expression in ("x=3", "x=x+1", "1?2:3", "x>1", "1<2", "1==1", "1!=2", "1<=1", "1>=1", "1&&1", "1||0", "!1", "1,2", "sinh(1)",
                           "asin(1)", "log2(8)", "log10(10)", "sum(1,2)", "avg(1,2)", "sign(1)", "rint(1.5)", "atan2(1,1)", "_pi", "_e",
                           "0x10", "#101", "\"text\"", "1 and 1", "x+=1", "cbrt(8)", "acos(1)", "atan(1)", "cosh(1)"):
            with self.subTest(expression=expression):
                self.assertError(self.call("COMPUTE", expression, x), "INVALID_ARGUMENT")

    def test_hostile_expressions(self):
        for expression in ("(" * 4000, "-" * 4000, "(" * 2000 + "1" + ")" * 2000, "sin(" * 1000 + "1" + ")" * 1000, "1^" * 2000 + "1",
                           "9" * 4000, "1" + "e" * 4000, "max(" + "1," * 2000 + "1)", "2^" * 2000, "-(" * 1300, "1e999999999"):
            reply = self.call("COMPUTE", expression)
            self.assertIn(reply.status, ("OK", "INVALID_ARGUMENT"))
        self.assertOk(self.call("PING"), "PONG")
        self.assertTrue(self.cluster.brokers[0].is_running)

    def test_4096_bytes_and_one_more(self):
        longest = "1" + "+1" * 2047
        self.assertComputes(longest + " ", 2048)
        self.assertEqual(len(longest + " "), 4096)
        self.assertError(self.call("COMPUTE", longest + "  "), "INVALID_ARGUMENT", "4096")

    def test_nesting_of_64_and_one_more(self):
        self.assertComputes("(" * 64 + "1" + ")" * 64, 1)
        self.assertError(self.call("COMPUTE", "(" * 65 + "1" + ")" * 65), "INVALID_ARGUMENT", "64")

    def test_variables_that_are_none(self):
        for variables in ([], "x", 1, {"x": "k"}, {"x": []}, {"x": None}, {1: ["k"]}, {"x": ["k", None]}):
            self.assertError(self.call("COMPUTE", "1+x", variables), "INVALID_ARGUMENT")

    def test_names_that_no_variable_has(self):
        self.assertOk(self.call("PUT", self.key(), 1))
        for name in ("", "1x", "a b", "a+b", "sin", "pi", "e", "é", "x.y"):
            with self.subTest(name=name):
                self.assertError(self.call("COMPUTE", "1", {name: [self.key()]}), "INVALID_ARGUMENT")


class Listing(ClusterTest):
    settings = {"workers": 3, "k": 2}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        source = random.Random(5)
        keys = {b"list." + source.randbytes(source.randint(0, 6)) for _ in range(2500)}
        cls.listed = sorted(keys)
        with cls.cluster.client() as client:
            for begin in range(0, len(cls.listed), 1000):
                items = [["PUT", [key, len(key)]] for key in cls.listed[begin:begin + 1000]]
                assert client.call("BATCH", items).status == "OK"

    @staticmethod
    def as_bytes(keys):
        return [key.encode() if isinstance(key, str) else key for key in keys]

    def pages(self, command, prefix, limit, **options):
        """All pages' elements, and each page's length."""
        elements, sizes, after = [], [], None
        while True:
            reply = self.assertOk(self.call(command, prefix, limit, after, **options))
            elements += reply.result
            sizes.append(len(reply.result))
            if not reply.info.get("more"):
                return elements, sizes
            self.assertEqual("after" in reply.info, "match" in options)
            if "after" in reply.info:
                after = reply.info["after"]
            else:
                after = reply.result[-1] if command == "KEYS" else reply.result[-1][0]

    def test_keys_in_byte_order_page_by_page(self):
        for limit in (1, 7, 999, 1000, 10_000):
            prefix = b"list." if limit > 1 else b"list.\x10"
            expected = [key for key in self.listed if key.startswith(prefix)]
            keys, sizes = self.pages("KEYS", prefix, limit)
            self.assertEqual(self.as_bytes(keys), expected)
            self.assertTrue(all(size == limit for size in sizes[:-1]), "only the last page is shorter")

    def test_scan_in_byte_order_page_by_page(self):
        records, _ = self.pages("SCAN", b"list.", 700)
        self.assertEqual(self.as_bytes([record[0] for record in records]), self.listed)
        self.assertEqual([record[1] for record in records], [len(key) for key in self.listed])

    def test_count(self):
        self.assertOk(self.call("COUNT", "list."), len(self.listed))
        self.assertOk(self.call("COUNT", b"list.\x10"), len([key for key in self.listed if key.startswith(b"list.\x10")]))
        self.assertOk(self.call("COUNT", "no such prefix"), 0)
        self.assertGreaterEqual(self.assertOk(self.call("COUNT")).result, len(self.listed))

    def test_ranges_from_both_ends(self):
        low, high = b"list.\x30", b"list.\xa0"
        expected = [key for key in self.listed if low <= key < high]
        for limit in (7, 10_000):
            keys, _ = self.pages("KEYS", "list.", limit, at_least=low, below=high)
            self.assertEqual(self.as_bytes(keys), expected)
            records, _ = self.pages("SCAN", "list.", limit, at_least=low, below=high, reverse=True)
            self.assertEqual(self.as_bytes([record[0] for record in records]), expected[::-1])
        self.assertOk(self.call("COUNT", "list.", at_least=low, below=high), len(expected))
        self.assertOk(self.call("COUNT", "list.", at_least=low, below=high, reverse=True), len(expected))
        self.assertOk(self.call("KEYS", "list.", 10, at_least=high, below=low), [])
        self.assertEqual(self.as_bytes(self.assertOk(self.call("KEYS", "list.", 3, reverse=True)).result), self.listed[:-4:-1])

    def test_patterns(self):
        names = [self.key(f"user:{number}:{field}") for number in range(500) for field in ("name", "age")]
        self.assertOk(self.call("BATCH", [["PUT", [name, 1]] for name in names]))
        wanted = sorted(name for name in names if name.endswith("7:name"))
        keys, _ = self.pages("KEYS", "", 10_000, match=self.key("user:*7:name"))
        self.assertEqual(keys, wanted)
        keys, _ = self.pages("KEYS", "", 9, match=self.key("user:*7:name"), reverse=True)
        self.assertEqual(keys, wanted[::-1])
        keys, _ = self.pages("KEYS", "", 10_000, match="*" + self.key("user:[1-3]?:age"))
        self.assertEqual(keys, sorted(self.key(f"user:{number}:age") for number in range(10, 40)))
        self.assertOk(self.call("COUNT", match=self.key("user:*:age")), 500)
        self.assertOk(self.call("COUNT", match=self.key("user:*:nothing")), 0)
        for pattern, wrong in (("a[b", "a [ without its ] at byte 1"), ("a\\", "nothing stands behind"), ("x" * 1025, "1024")):
            self.assertError(self.call("KEYS", match=pattern), "INVALID_ARGUMENT", wrong)
        self.assertError(self.call("GET", "k", match="x"), "INVALID_ARGUMENT", "does not belong to GET")

    def test_the_default_limit_is_1000(self):
        reply = self.assertOk(self.call("KEYS", "list."))
        self.assertEqual(self.as_bytes(reply.result), self.listed[:1000])
        self.assertIs(reply.info["more"], True)
        self.assertEqual(len(self.assertOk(self.call("SCAN", "list.")).result), 1000)

    def test_more_is_left_out_where_there_is_no_more(self):
        self.assertNotIn("more", self.assertOk(self.call("KEYS", "list.", len(self.listed))).info)
        self.assertIs(self.assertOk(self.call("KEYS", "list.", len(self.listed) - 1)).info["more"], True)
        self.assertNotIn("more", self.assertOk(self.call("KEYS", "no such prefix"), []).info)

    def test_limits(self):
        for limit in (1, 10_000):
            self.assertOk(self.call("KEYS", "list.", limit))
        for limit in (0, -1, 10_001, 2**63, 1.5, "1", None):
            for command in ("KEYS", "SCAN"):
                self.assertError(self.call(command, "list.", limit), "INVALID_ARGUMENT", "10000")

    def test_after_is_excluded_and_need_not_exist(self):
        expected = [key for key in self.listed if key > b"list.\x80"]
        self.assertEqual(self.as_bytes(self.pages("KEYS", b"list.", 10_000)[0]), self.listed)
        self.assertEqual(self.as_bytes(self.assertOk(self.call("KEYS", "list.", 10_000, b"list.\x80")).result), expected)
        self.assertOk(self.call("KEYS", "list.", 10, self.listed[-1]), [])
        self.assertEqual(self.as_bytes(self.assertOk(self.call("KEYS", "list.", 5, b"a")).result), self.listed[:5])
        self.assertOk(self.call("KEYS", "list.", 5, "z"), [])

    def test_arguments_of_the_wrong_type(self):
        for command in ("KEYS", "SCAN"):
            for arguments in ([1], [None], ["", 1, 1], ["", 1, ["k"]], [["list."]]):
                self.assertError(self.call(command, *arguments), "INVALID_ARGUMENT")
        self.assertError(self.call("COUNT", 1), "INVALID_ARGUMENT")

    def test_10_000_keys_on_one_page(self):
        items = [["PUT", [f"page.{number:05}", number]] for number in range(10_001)]
        self.assertOk(self.call("BATCH", items[:10_000]))
        self.assertOk(self.call("BATCH", items[10_000:]))
        reply = self.assertOk(self.call("KEYS", "page.", 10_000), [f"page.{number:05}" for number in range(10_000)])
        self.assertIs(reply.info["more"], True)

    def test_a_page_ends_at_16_mebibytes(self):
        keys = [self.key(str(number)) for number in range(7)]
        for key in keys:
            self.assertOk(self.call("PUT", key, b"x" * (5 * MEBIBYTE)))
        first = self.assertOk(self.call("SCAN", self.key(), 100))
        self.assertIs(first.info["more"], True)
        self.assertIn(len(first.result), (3, 4))
        records, _ = self.pages("SCAN", self.key(), 100)
        self.assertEqual([record[0] for record in records], keys)


class Batches(ClusterTest):
    settings = {"workers": 3, "k": 2}

    def results(self, *items, **options):
        return self.assertOk(self.call("BATCH", list(items), **options)).result

    def test_every_command_that_may_stand_in_one(self):
        key = self.key()
        statuses = self.results(["PUT", [key, {"a": 1}]], ["GET", [key]], ["HAS", [key]], ["QUERY", [[key, "a"]]], ["SET", [key, 2]],
                                ["POP", [key]], ["DELETE", [key]], ["GET", [key]])
        self.assertEqual([(status, result) for status, result, _ in statuses],
                         [("OK", True), ("OK", {"a": 1}), ("OK", True), ("OK", 1), ("OK", False), ("OK", 2), ("OK", False),
                          ("NOT_FOUND", None)])
        self.assertEqual(statuses[1][2], statuses[0][2], "GET reads the version that PUT wrote")

    def test_items_on_one_key_take_effect_in_order(self):
        key = self.key()
        items = [item for number in range(2000) for item in (["SET", [key, number]], ["GET", [key]])]
        replies = self.results(*items)
        self.assertEqual([result for _, result, _ in replies[1::2]], list(range(2000)))

    def test_replies_stand_in_the_order_asked(self):
        self.results(*(["PUT", [self.key(str(number)), number]] for number in range(3000)))
        order = list(range(3000))
        random.Random(3).shuffle(order)
        replies = self.results(*(["GET", [self.key(str(number))]] for number in order))
        self.assertEqual([result for _, result, _ in replies], order)

    def test_an_empty_one(self):
        self.assertOk(self.call("BATCH", []), [])

    def test_10_000_items(self):
        self.assertEqual(len(self.results(*(["HAS", [self.key(str(number))]] for number in range(10_000)))), 10_000)

    def test_10_001_items(self):
        items = [["PUT", [self.key(str(number)), 1]] for number in range(10_001)]
        self.assertError(self.call("BATCH", items), "INVALID_ARGUMENT", "10000")
        self.assertOk(self.call("COUNT", self.key()), 0)

    def test_a_bad_item_gets_its_own_error_and_the_others_are_done(self):
        key = self.key()
        bad = [["PUT", []], ["PUT", [key]], ["PUT", [key, 1, 2]], ["PUT", ["", 1]], ["PUT", [1, 1]], ["GET", ["k" * 4097]], ["KEYS", []],
               ["BATCH", [[]]], ["COMPUTE", ["1"]], ["PING", []], ["get", [key]], ["NONE", [key]], [1, [key]], ["GET"], [], None, 1, "GET",
               ["GET", [key], {}, 1], ["GET", key], ["GET", None], ["GET", [key], {"x": 1}], ["GET", [key], 1],
               ["PUT", [key, 1], {"session": "s", "seq": 1}], ["GET", [key], {"if_absent": True}], ["QUERY", [[]]],
               ["PUT", [key, 1], {"if_absent": True, "if_version": 1}]]
        for item in bad:
            with self.subTest(item=item):
                good = self.key("good")
                replies = self.results(["PUT", [good, 1]], item, ["DELETE", [good]])
                self.assertEqual([status for status, _, _ in replies], ["OK", "INVALID_ARGUMENT", "OK"])
                self.assertTrue(replies[1][2]["message"])
                self.assertIs(replies[2][1], True)
        self.assertOk(self.call("HAS", key), False)

    def test_items_have_conditions_of_their_own(self):
        key = self.key()
        replies = self.results(["PUT", [key, 1], {"if_absent": True}], ["PUT", [key, 2], {"if_absent": True}],
                               ["PUT", [key, 3], {"if_version": 1 << 60}], ["GET", [key], None], ["DELETE", [key], {"if_version": 0}])
        self.assertEqual([status for status, _, _ in replies],
                         ["OK", "ALREADY_EXISTS", "FAILED_PRECONDITION", "OK", "FAILED_PRECONDITION"])
        version = replies[0][2]["version"]
        self.assertEqual(self.results(["DELETE", [key], {"if_version": version}])[0][:2], ["OK", True])

    def test_what_is_no_array_of_items(self):
        for items in (None, {}, "x", 1):
            self.assertError(self.call("BATCH", items), "INVALID_ARGUMENT")


class AboutTheCluster(ClusterTest):
    settings = {"workers": 3, "k": 2, "partitions": 16}

    def test_members(self):
        members = self.assertOk(self.call("MEMBERS")).result
        self.assertEqual({member["address"] for member in members}, {self.cluster.address_of(number) for number in range(3)})
        for member in members:
            self.assertEqual(member.keys(), {"id", "address", "zone", "state", "membership", "moves_left", "last_heartbeat_ms",
                                             "partitions", "leads", "keys", "bytes", "level"})
            self.assertEqual((member["zone"], member["membership"], member["moves_left"]), ("127.0.0.1", "member", 0))
            self.assertIs(type(member["id"]), str)
            self.assertEqual(member["state"], "up")
            self.assertTrue(0 <= member["last_heartbeat_ms"] < 1500)
            self.assertEqual(member["partitions"], 16)
        self.assertEqual(sum(member["leads"] for member in members), 16)

    def test_leaders_are_spread(self):
        wait_for(lambda: max(member["leads"] for member in self.assertOk(self.call("MEMBERS")).result) <= math.ceil(1.25 * 16 / 3),
                 "no worker to lead more than its bound", 30)

    def test_members_count_keys_and_bytes(self):
        self.assertOk(self.call("PUT", self.key(), b"x" * 100_000))
        keys = self.assertOk(self.call("COUNT")).result

        def counted():
            members = self.assertOk(self.call("MEMBERS")).result
            return all(member["keys"] == keys and member["bytes"] >= 100_000 for member in members)
        wait_for(counted, "the members to report what they hold")

    def test_locate(self):
        ids = {member["id"]: member["address"] for member in self.assertOk(self.call("MEMBERS")).result}
        seen = set()
        for number in range(200):
            where = self.assertOk(self.call("LOCATE", f"key{number}")).result
            self.assertEqual(where.keys(), {"partition", "replicas", "leader", "addresses"})
            self.assertEqual(set(where["replicas"]), set(ids))
            self.assertIn(where["leader"], [None, *where["replicas"]])
            self.assertEqual(where["addresses"], ids)
            seen.add(where["partition"])
            by_bytes = self.assertOk(self.call("LOCATE", f"key{number}".encode())).result
            self.assertEqual((by_bytes["partition"], by_bytes["replicas"]), (where["partition"], where["replicas"]))
            # None while leadership is on its way to the preferred replica.
            wait_for(lambda: self.call("LOCATE", f"key{number}").result["leader"], "a leader")
        self.assertEqual(seen, set(range(16)))

    def test_status(self):
        status = self.assertOk(self.call("STATUS")).result
        self.assertRegex(status.pop("cluster"), "^[0-9a-f]{32}$")
        self.assertRegex(status.pop("version"), r"^\d+\.\d+")
        self.assertEqual(status, {"k": 2, "replicas": 3, "tolerates": 1, "partitions": 16, "partitions_available": 16, "workers": 3,
                                  "workers_up": 3, "guaranteed": True, "map_version": 2, "epoch": 1, "level": 1, "moves_left": 0,
                                  "under_replicated": 0, "zones": 1})

    def test_ping(self):
        self.assertOk(self.call("PING"), "PONG")


if __name__ == "__main__":
    main()
