"""The HTTP gateway against a real cluster: every route, conditions, errors, formats, and many connections at once."""
import concurrent.futures
import json
import signal
import socket
import threading

import msgpack

from support import ClusterTest, EndToEndTest, main, wait_for
from support.gateway import Gateway
from support.processes import is_listening


class GatewayTest(ClusterTest):
    settings = {"workers": 3, "k": 2}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.gateway = Gateway(cls.cluster)
        cls.addClassCleanup(cls.gateway.stop)

    def get(self, path, **headers):
        return self.gateway.get(path, **headers)

    def put(self, path, body, **headers):
        return self.gateway.put(path, body, **headers)

    def assertProblem(self, response, status, code, *words):
        self.assertEqual(response.status, status, response.body)
        self.assertEqual(response["Content-Type"], "application/problem+json")
        problem = response.json
        self.assertEqual((problem["status"], problem["code"]), (status, code))
        for word in words:
            self.assertIn(word, problem["detail"])
        return problem


class Keys(GatewayTest):
    def test_a_document_comes_back_as_it_was_put(self):
        documents = [None, True, 12, -2**63, 2**64 - 1, 1.5, "text", "", [1, [2]], {"b": 1, "a": {"c": []}},
                     {"$binary": "AAEC/w=="}, {"$float": "nan"}, {"$$binary": 1}]
        for document in documents:
            with self.subTest(document=document):
                self.assertIn(self.put("/v1/keys/" + self.key("k"), json.dumps(document)).status, (200, 201))
                got = self.get("/v1/keys/" + self.key("k"))
                self.assertEqual((got.status, got["Content-Type"]), (200, "application/json"))
                self.assertEqual(got.json, document)

    def test_put_tells_new_from_replaced(self):
        path = "/v1/keys/" + self.key()
        first = self.put(path, 1)
        self.assertEqual((first.status, first.json, first["Location"]), (201, True, path))
        second = self.put(path, 2)
        self.assertEqual((second.status, second.json), (200, False))
        self.assertNotEqual(first["ETag"], second["ETag"])
        self.assertEqual(self.get(path)["ETag"], second["ETag"])

    def test_a_key_of_any_bytes(self):
        key = "/v1/keys/" + self.key() + "%2F%00%FF%3F%20%2B+"
        self.assertEqual(self.put(key, 7).status, 201)
        self.assertEqual(self.get(key).json, 7)
        self.assertOk(self.call("GET", self.key().encode() + b"/\x00\xff? ++"), 7)

    def test_delete_head_and_pop(self):
        path = "/v1/keys/" + self.key()
        self.put(path, {"a": 1})
        head = self.gateway.request("HEAD", path)
        self.assertEqual((head.status, head.body), (200, b""))
        self.assertEqual(head["ETag"], self.get(path)["ETag"])
        popped = self.gateway.request("POST", path + "/pop")
        self.assertEqual((popped.status, popped.json), (200, {"a": 1}))
        self.assertEqual(self.gateway.request("HEAD", path).status, 404)
        self.assertProblem(self.gateway.request("POST", path + "/pop"), 404, "NOT_FOUND")
        self.put(path, 1)
        self.assertEqual(self.gateway.request("DELETE", path).json, True)
        self.assertProblem(self.gateway.request("DELETE", path), 404, "NOT_FOUND")
        self.assertProblem(self.get(path), 404, "NOT_FOUND")

    def test_conditions(self):
        path = "/v1/keys/" + self.key()
        self.assertEqual(self.put(path, 1, If_None_Match="*").status, 201)
        self.assertProblem(self.put(path, 2, If_None_Match="*"), 412, "ALREADY_EXISTS")
        tag = self.get(path)["ETag"]
        self.assertEqual(self.get(path, If_None_Match=tag).status, 304)
        self.assertEqual(self.get(path, If_None_Match='"1000000"').status, 200)
        self.assertProblem(self.get(path, If_Match='"1000000"'), 412, "FAILED_PRECONDITION")
        self.assertEqual(self.put(path, 3, If_Match=tag).status, 200)
        self.assertProblem(self.put(path, 4, If_Match=tag), 412, "FAILED_PRECONDITION")
        self.assertProblem(self.gateway.request("DELETE", path, If_Match=tag), 412, "FAILED_PRECONDITION")
        self.assertEqual(self.get(path).json, 3)
        self.assertEqual(self.gateway.request("DELETE", path, If_Match=self.get(path)["ETag"]).status, 200)

    def test_conditions_in_all_their_forms(self):
        path = "/v1/keys/" + self.key()
        self.assertProblem(self.put(path, 1, If_Match="*"), 412, "FAILED_PRECONDITION")
        self.assertEqual(self.put(path, 1, If_None_Match='"1", "2"').status, 201)
        first = self.get(path)["ETag"]
        self.assertEqual(self.put(path, 2, If_Match="*").status, 200)
        second = self.get(path)["ETag"]
        self.assertProblem(self.put(path, 3, If_None_Match=second), 412, "FAILED_PRECONDITION")
        self.assertProblem(self.put(path, 3, If_Match="*", If_None_Match=second), 412, "FAILED_PRECONDITION")
        self.assertEqual(self.put(path, 3, If_Match=f"{first}, {second}").status, 200)
        self.assertProblem(self.put(path, 4, If_Match=f"{first}, {second}"), 412, "FAILED_PRECONDITION")
        self.assertProblem(self.put(path, 4, If_Match="*", Idempotency_Key=self.key()), 400, "INVALID_ARGUMENT", "Idempotency-Key")
        self.assertEqual(self.get(path, If_Match="*").json, 3)
        self.assertEqual(self.get(path, If_None_Match="*").status, 304)
        self.assertProblem(self.gateway.request("DELETE", path, If_None_Match="*"), 412, "FAILED_PRECONDITION")
        self.assertEqual(self.gateway.request("DELETE", path, If_Match="*").status, 200)
        self.assertProblem(self.gateway.request("DELETE", path, If_Match="*"), 404, "NOT_FOUND")
        self.assertProblem(self.get(path, If_Match="*"), 404, "NOT_FOUND")

    def test_a_guarded_write_loses_nobodys(self):
        path = "/v1/keys/" + self.key()
        self.put(path, {"n": 0})

        def add(_):
            """Reads and writes back upon any of the versions that it has seen, until that goes."""
            seen = []
            while True:
                read = self.get(path)
                seen.append(read["ETag"])
                if self.put(path, {"n": read.json["n"] + 1}, If_Match=f'"1", {seen[-1]}').status == 200:
                    return
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            list(pool.map(add, range(20)))
        self.assertEqual(self.get(path).json, {"n": 20})

    def patch(self, path, body, kind="merge-patch+json", **headers):
        return self.gateway.request("PATCH", path, json.dumps(body), Content_Type="application/" + kind, **headers)

    def test_patches(self):
        path = "/v1/keys/" + self.key()
        made = self.patch(path, {"a": {"b": 1, "gone": None}})
        self.assertEqual((made.status, made.json), (200, True))
        self.assertEqual(self.get(path).json, {"a": {"b": 1}})
        added = self.patch(path, [{"op": "add", "path": "/l", "value": ["x"]}, {"op": "add", "path": "/l/-", "value": 2},
                                  {"op": "test", "path": "/a", "value": {"b": 1}}], "json-patch+json", If_Match=made["ETag"])
        self.assertEqual((added.status, added.json), (200, [True, True, True]))
        self.assertProblem(self.patch(path, {}, If_Match=made["ETag"]), 412, "FAILED_PRECONDITION")
        self.assertProblem(self.patch(path, [{"op": "test", "path": "/a/b", "value": 2}], "json-patch+json"), 409,
                           "FAILED_PRECONDITION", "operation 1 (test)", ".a.b", "an integer")
        self.assertEqual(self.patch(path, [["increment", ["a", "b"], 4], ["pop", ["l", 0]]], "json").json, [5, "x"])
        self.assertEqual(self.get(path).json, {"a": {"b": 5}, "l": [2]})
        self.assertProblem(self.patch("/v1/keys/" + self.key("none"), {}, If_Match="*"), 412, "NOT_FOUND")
        unknown = self.patch(path, {}, "xml")
        self.assertProblem(unknown, 415, "INVALID_ARGUMENT")
        self.assertIn("application/merge-patch+json", unknown["Accept-Patch"])

    def test_a_path_is_put_and_deleted_in_place(self):
        key = self.key()
        put = self.put(f"/v1/query/{key}/address/number", "13")
        self.assertEqual((put.status, put.json), (201, True))
        self.assertEqual(self.put(f"/v1/query/{key}/address/number", "14").status, 200)
        self.assertEqual(self.get(f"/v1/query/{key}/address/number").json, 14)
        self.assertEqual(self.gateway.request("DELETE", f"/v1/query/{key}/address/number").status, 200)
        self.assertProblem(self.gateway.request("DELETE", f"/v1/query/{key}/address/number"), 404, "NOT_FOUND")
        self.assertEqual(self.get("/v1/keys/" + key).json, {"address": {}})

    def test_an_idempotency_key_makes_a_patch_exactly_once(self):
        path = "/v1/keys/" + self.key()
        for _ in range(3):
            answer = self.patch(path, [["increment", ["n"], 1]], "json", Idempotency_Key=self.key())
            self.assertEqual((answer.status, answer.json), (200, [1]))
        self.assertEqual(self.get(path).json, {"n": 1})

    def test_an_idempotency_key_makes_a_write_exactly_once(self):
        path = "/v1/keys/" + self.key()
        self.put(path, '"first"')
        for _ in range(3):
            popped = self.gateway.request("POST", path + "/pop", Idempotency_Key=self.key())
            self.assertEqual((popped.status, popped.json), (200, "first"))
            self.put(path, '"second"')
        self.assertEqual(self.get(path).json, "second")

    def test_an_idempotency_key_that_was_used_for_another_request_is_a_conflict(self):
        path = "/v1/keys/" + self.key()
        first = self.put(path, '{"a": 1, "b": 2}', Idempotency_Key="used-twice")
        again = self.put(path, '{ "b": 2, "a": 1 }', Idempotency_Key="used-twice")
        self.assertEqual((again.status, again["ETag"]), (first.status, first["ETag"]))
        other = self.put(path, '{"a": 1, "b": 3}', Idempotency_Key="used-twice")
        self.assertProblem(other, 409, "FAILED_PRECONDITION", "nothing new was done")
        self.assertEqual(other.json["exactly_once"], "other_request")
        conditional = self.put(path, '{"a": 2}', Idempotency_Key="used-twice", If_Match=first["ETag"])
        self.assertProblem(conditional, 409, "FAILED_PRECONDITION")

    def test_messagepack_in_and_out(self):
        path = "/v1/keys/" + self.key()
        document = {"bytes": b"\x00\xff", "list": [1, 2.5, None]}
        self.assertEqual(self.put(path, msgpack.packb(document), Content_Type="application/msgpack").status, 201)
        got = self.get(path, Accept="application/msgpack")
        self.assertEqual(got["Content-Type"], "application/msgpack")
        self.assertEqual(got.body, msgpack.packb(document))
        self.assertEqual(self.get(path).json, {"bytes": {"$binary": "AP8="}, "list": [1, 2.5, None]})


class Commands(GatewayTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.gateway.put("/v1/keys/person2", {"name": "Mary", "address": {"street": "Panepistimiou", "number": 12}})
        cls.gateway.put("/v1/keys/lists", {"list": [10, 20], "map": {"1": "one"}})

    def test_query(self):
        self.assertEqual(self.get("/v1/query/person2/address/number").json, 12)
        self.assertEqual(self.get("/v1/query/lists/list/1").json, 20)
        self.assertEqual(self.get("/v1/query/lists/map/1").json, "one")
        self.assertEqual(self.get("/v1/query/person2").json["name"], "Mary")
        self.assertProblem(self.get("/v1/query/person2/nothing"), 404, "NOT_FOUND")

    def test_compute(self):
        asked = {"expression": "2*x", "where": {"x": ["person2", "address", "number"]}}
        self.assertEqual(self.gateway.request("POST", "/v1/compute", asked).json, 24.0)
        self.assertEqual(self.gateway.request("POST", "/v1/compute", {"expression": "1+1"}).json, 2.0)
        asked["where"]["x"][-1] = "nothing"
        self.assertProblem(self.gateway.request("POST", "/v1/compute", asked), 404, "NOT_FOUND", "x")
        asked["where"]["x"] = ["person2", "name"]
        self.assertProblem(self.gateway.request("POST", "/v1/compute", asked), 400, "INVALID_ARGUMENT", "string")
        self.assertProblem(self.gateway.request("POST", "/v1/compute", {"expr": "1"}), 400, "INVALID_ARGUMENT")

    def test_batch(self):
        answers = self.gateway.request("POST", "/v1/batch", [
            ["PUT", [self.key("a"), {"n": 2**63}]], ["GET", [self.key("a")]], ["GET", [self.key("nothing")]],
            ["NONSENSE", []]]).json
        self.assertEqual([answer[0] for answer in answers], ["OK", "OK", "NOT_FOUND", "INVALID_ARGUMENT"])
        self.assertEqual(answers[1][1], {"n": 2**63})

    def test_members_locate_status_partitions(self):
        members = self.get("/v1/members").json
        self.assertEqual({member["state"] for member in members}, {"up"})
        self.assertEqual(len(members[0]), 12, "as the protocol has it")
        loads = self.get("/v1/members?load=true").json
        self.assertTrue(all(member["memory"] > 1 << 20 for member in loads), loads)
        wait_for(lambda: sum(member["requests"] for member in self.get("/v1/members?load=true").json) > 0, "a heartbeat that tells requests")
        self.assertEqual(self.get("/v1/status").json["workers_up"], 3)
        partitions = self.get("/v1/partitions").json
        self.assertEqual([row["partition"] for row in partitions], list(range(16)))
        where = self.get("/v1/locate/person2").json
        self.assertEqual(partitions[where["partition"]]["replicas"], where["replicas"])

    def test_settings_and_moves(self):
        settings = {"k": 2, "moves": 2, "move_rate": 0, "repair_after_ms": 600_000}
        self.assertEqual(self.get("/v1/settings").json, settings)
        self.assertEqual(self.gateway.request("PATCH", "/v1/settings", {"moves": 3}).json, {**settings, "moves": 3})
        self.assertEqual(self.gateway.request("PATCH", "/v1/settings", {"moves": 2}).json, settings)
        plan = self.gateway.request("PATCH", "/v1/settings?dry_run=true", {"k": 1}).json
        self.assertEqual((plan["replicas"], plan["tolerates_before"], plan["tolerates_after"]), (0, 1, 0))
        self.assertEqual(self.get("/v1/settings").json, settings)
        self.assertProblem(self.gateway.request("PATCH", "/v1/settings", {"moves": 0}), 400, "INVALID_ARGUMENT", "moves must be an int from 1 to 16")
        self.assertProblem(self.gateway.request("PATCH", "/v1/settings", [1]), 400, "INVALID_ARGUMENT", "an object of names and values")
        self.assertEqual(self.get("/v1/moves").json, [])

    def test_listings(self):
        prefix = self.key()
        self.gateway.request("POST", "/v1/batch", [["PUT", [f"{prefix}{i:05}", i]] for i in range(2500)])
        names = [f"{prefix}{i:05}" for i in range(2500)]
        streamed = self.get(f"/v1/keys?prefix={prefix}")
        self.assertEqual(streamed.json, names)
        self.assertEqual(streamed["Transfer-Encoding"], "chunked")
        self.assertEqual(self.get(f"/v1/scan?prefix={prefix}").json, [[name, i] for i, name in enumerate(names)])
        lines = self.get(f"/v1/scan?prefix={prefix}", Accept="application/x-ndjson").body.splitlines()
        self.assertEqual([json.loads(line) for line in lines], [[name, i] for i, name in enumerate(names)])
        self.assertEqual(self.get(f"/v1/count?prefix={prefix}").json, 2500)
        self.assertEqual(self.get("/v1/keys?prefix=no.such.key").json, [])
        self.assertEqual(self.all_pages(f"/v1/keys?limit=1000&prefix={prefix}"), names)
        sevens = [name for name in names if name.endswith("7") and name >= f"{prefix}01000"]
        question = f"match={prefix}*7&at_least={prefix}01000"
        self.assertEqual(self.get(f"/v1/keys?{question}").json, sevens)
        self.assertEqual(self.all_pages(f"/v1/keys?limit=40&reverse=true&{question}"), sevens[::-1])
        self.assertEqual(self.get(f"/v1/count?{question}&below={prefix}02000").json, 100)
        self.assertProblem(self.get("/v1/keys?match=%5B"), 400, "INVALID_ARGUMENT", "a [ without its ]")
        self.assertProblem(self.get("/v1/keys?reverse=maybe"), 400, "INVALID_ARGUMENT", "true or false")
        packed = self.get(f"/v1/scan?prefix={prefix}&limit=2", Accept="application/msgpack").body
        self.assertEqual(msgpack.unpackb(packed), [[names[0], 0], [names[1], 1]])


    def all_pages(self, path):
        gathered = []
        while path:
            page = self.get(path)
            gathered += page.json
            link = page["Link"]
            path = link and link.partition(">")[0].lstrip("<")
        return gathered


class Refusals(GatewayTest):
    def test_what_is_wrong_is_told(self):
        path = "/v1/keys/" + self.key()
        self.assertProblem(self.put(path, "{"), 400, "INVALID_ARGUMENT", "column")
        self.assertProblem(self.put(path, ""), 400, "INVALID_ARGUMENT", "body")
        self.assertProblem(self.put(path, '{"a": 1, "a": 2}'), 400, "INVALID_ARGUMENT", "twice")
        self.assertProblem(self.put(path, "<a/>", Content_Type="text/xml"), 415, "INVALID_ARGUMENT", "text/xml")
        self.assertProblem(self.get(path, Accept="text/html"), 406, "INVALID_ARGUMENT")
        self.assertProblem(self.get("/v1/keys?limti=3"), 400, "INVALID_ARGUMENT", "limti", "limit")
        self.assertProblem(self.get("/v1/keys?limit=0"), 400, "INVALID_ARGUMENT", "10000")
        self.assertProblem(self.get("/v1/nothing"), 404, "NOT_FOUND")
        self.assertProblem(self.get("/keys/x"), 404, "NOT_FOUND", "/v1/keys/x")
        self.assertProblem(self.get("/healthz"), 404, "NOT_FOUND", "/livez")
        self.assertProblem(self.get("/v1/query/no.such.key"), 404, "NOT_FOUND", "/v1/query/no/such/key")
        self.assertProblem(self.put(path, "[1e400]"), 400, "INVALID_ARGUMENT", '{"$float": "inf"}')
        self.assertProblem(self.get("/v1/keys/%zz"), 400, "INVALID_ARGUMENT", "%25")
        self.assertProblem(self.get("/v1/keys/"), 400, "INVALID_ARGUMENT", "4096")
        self.assertProblem(self.get("/v1/keys/" + "k" * 4097), 400, "INVALID_ARGUMENT", "4096")
        refused = self.gateway.request("DELETE", "/v1/count")
        self.assertProblem(refused, 405, "INVALID_ARGUMENT")
        self.assertEqual(refused["Allow"], "GET, HEAD")

    def test_too_large_a_body_names_the_limit(self):
        document = json.dumps("x" * (16 << 20))
        problem = self.assertProblem(self.put("/v1/keys/" + self.key(), document), 413, "INVALID_ARGUMENT", str(16 << 20))
        self.assertEqual(problem["limit"], 16 << 20)
        problem = self.assertProblem(self.put("/v1/keys/" + self.key(), b" " * (64 << 20)), 413, "INVALID_ARGUMENT")
        self.assertEqual(problem["limit"], (64 << 20) - (64 << 10))

    def test_a_page_of_another_site_may_not_write(self):
        path = "/v1/keys/" + self.key()
        self.assertProblem(self.put(path, 1, Origin="http://evil.example"), 403, "PERMISSION_DENIED")
        self.assertEqual(self.put(path, 1, Origin=self.gateway.url).status, 201)

    def test_the_console_reads_and_prints_as_the_shell(self):
        def console(line, **more):
            return self.gateway.request("POST", "/v1/console", {"line": line, **more}).json
        self.assertEqual(console(f'PUT "{self.key()}" : {{"n": 18446744073709551615}}')["out"], "OK\n")
        self.assertIn("[ n -> 18446744073709551615 ]", console(f'GET "{self.key()}"')["out"])
        self.assertIn("last heartbeat", console("MEMBERS")["out"])
        self.assertEqual(console("GET no:such:key"), {"out": "NOT FOUND\n", "err": "", "code": 1, "more": False})
        wrong = console("DEL x")
        self.assertEqual((wrong["out"], wrong["code"]), ("", 2))
        self.assertIn("DELETE KEY", wrong["err"])
        self.gateway.request("POST", "/v1/batch", [["PUT", [f"{self.key()}{i:05}", i]] for i in range(2500)])
        first, whole = console(f'KEYS "{self.key()}"'), console(f'KEYS "{self.key()}"', all=True)
        self.assertTrue(first["more"])
        self.assertEqual((whole["more"], whole["out"].count("\n")), (False, 2501))

    def test_the_last_two_minutes_are_kept(self):
        def kept():
            self.get("/v1/keys/x")
            recent = self.get("/v1/recent").json
            return len(recent["gateway"]) >= 2 and recent["gateway"][-1] > 0 and len(recent["cluster"]) == len(recent["p99"])
        wait_for(kept, "points", 20)

    def test_health_and_description(self):
        self.assertEqual(self.get("/livez").body, b"ok\n")
        self.assertEqual(self.get("/readyz").body, b"ok\n")
        self.assertIn(b"[+]partitions: 16 of 16 serve\n", self.get("/readyz?verbose").body)
        described = self.get("/openapi.json").json
        for path, operations in described["paths"].items():
            for method in operations:
                path_here = path.replace("{key}", "k").replace("{path}", "p")
                answered = self.gateway.request(method.upper(), path_here, b"{" if method in ("put", "post") else None)
                self.assertIn(str(answered.status), operations[method]["responses"], (method, path, answered))


class ManyConnections(GatewayTest):
    bound = 240

    def test_a_thousand_idle_and_two_hundred_active(self):
        idle = []
        self.addCleanup(lambda: [connection.close() for connection in idle])
        for _ in range(1000):
            idle.append(socket.create_connection(("127.0.0.1", self.gateway.port)))
        for connection in idle[::2]:  # Half of them have been used.
            connection.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        for connection in idle[::2]:
            self.assertTrue(connection.recv(4096).startswith(b"HTTP/1.1 200"))
        ready = threading.Barrier(200)

        def work(number):
            connection = self.gateway.connection(timeout=120)
            try:
                connection.connect()
                ready.wait()
                for i in range(5):
                    path = f"/v1/keys/{self.key(str(number))}"
                    connection.request("PUT", path, json.dumps({"i": i}))
                    response = connection.getresponse()
                    response.read()
                    assert response.status in (200, 201), response.status
                    connection.request("GET", path)
                    response = connection.getresponse()
                    assert json.loads(response.read()) == {"i": i}
            finally:
                connection.close()

        with concurrent.futures.ThreadPoolExecutor(200) as pool:
            for done in [pool.submit(work, number) for number in range(200)]:
                done.result()
        for connection in idle:
            connection.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        for connection in idle:
            self.assertTrue(connection.recv(4096).startswith(b"HTTP/1.1 200"))
        self.assertLess(self.threads(), 10)

    def threads(self):
        with open(f"/proc/{self.gateway.process.pid}/status") as status:
            return int(next(line for line in status if line.startswith("Threads:")).split()[1])


class Failures(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.cluster = self.start_cluster(workers=3, k=2, partitions=4)
        self.gateway = Gateway(self.cluster)
        self.addCleanup(self.gateway.stop)

    def test_without_a_majority_reads_are_marked_and_writes_refused(self):
        self.assertEqual(self.gateway.put("/v1/keys/k", 1).status, 201)
        wait_for(lambda: all(member["keys"] == 1 for member in self.cluster.members().values()), "the third replica")
        self.cluster.kill_worker(0)
        self.cluster.kill_worker(1)
        self.cluster.wait_for_state(0, "down")
        self.cluster.wait_for_state(1, "down")
        read = self.gateway.get("/v1/keys/k")
        self.assertEqual((read.json, read["Trellis-Guaranteed"]), (1, "false"))
        self.assertIn("2 of 3 workers are down", read["Warning"])
        write = self.gateway.put("/v1/keys/k", 2)
        self.assertEqual((write.status, write["Retry-After"], write.json["code"]), (503, "1", "UNAVAILABLE"))

    def test_without_a_broker(self):
        self.cluster.kill_broker()
        self.assertEqual(self.gateway.get("/livez").status, 200)
        self.assertEqual(self.gateway.get("/readyz?verbose").status, 503)
        late = self.gateway.get("/v1/keys/k?timeout_ms=300")
        self.assertEqual((late.status, late.json["code"]), (503, "UNAVAILABLE"))
        self.assertEqual(self.gateway.process.stop(), 0)

    def test_what_is_under_way_at_its_end_is_answered_and_new_connections_are_refused(self):
        """The cluster answers only after the gateway was told to stop."""
        self.cluster.workers[1].pause()
        self.cluster.workers[2].pause()
        waiting = self.gateway.connection()
        waiting.request("PUT", "/v1/keys/k", "1")
        wait_for(lambda: b"trellis_gateway_calls_in_flight 1\n" in self.gateway.get("/metrics").body, "the call to wait")
        self.gateway.process.signal(signal.SIGTERM)
        wait_for(lambda: not is_listening(self.gateway.port), "new connections to be refused")
        self.assertTrue(self.gateway.process.is_running)
        self.cluster.workers[1].resume()
        self.cluster.workers[2].resume()
        self.assertEqual(waiting.getresponse().status, 201)
        waiting.close()
        self.assertEqual(self.gateway.process.wait(), 0)

    def test_it_ends_cleanly_with_calls_under_way(self):
        self.cluster.kill_broker()
        waiting = self.gateway.connection()
        waiting.request("GET", "/v1/keys/k?timeout_ms=600000")
        wait_for(lambda: b"trellis_gateway_calls_in_flight 1\n" in self.gateway.get("/metrics").body, "the call to wait")
        self.assertEqual(self.gateway.process.stop(30), 0)
        self.assertEqual(waiting.getresponse().status, 503)
        waiting.close()


if __name__ == "__main__":
    main()
