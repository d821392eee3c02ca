"""docs/security.md, "HTTP": who is let in at a gateway that asks for tokens, and what it shows by TLS."""
import http.client
import json
import shutil
import signal
import ssl
import subprocess
import unittest

from support import EndToEndTest, main, run, wait_for
from support.gateway import Gateway


class SecureGateway(Gateway):
    """One that speaks HTTPS; what it shows is not checked against anybody's word."""

    @property
    def url(self):
        return f"https://127.0.0.1:{self.port}"

    def connection(self, timeout=30):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout, context=context)

    def certificate(self):
        return ssl.get_server_certificate(("127.0.0.1", self.port))


class WithTokens(EndToEndTest):
    kind = Gateway
    gateway_flags = ()

    def setUp(self):
        super().setUp()
        self.assertRan(run("trellis", "keys", "init", self.folder / "keys"), 0)
        self.admin = self.folder / "keys" / "admin.user"
        self.cluster = self.start_cluster(workers=1, k=1, partitions=4, user=self.admin,
                                          flags=("--cluster-key", self.folder / "keys" / "cluster.key"))
        self.assertRan(self.trellis("user", "add", "door", "--role", "gateway", "-o", self.folder / "door.user"), 0)
        self.assertRan(self.trellis("user", "add", "ada", "--role", "reader", "-o", self.folder / "ada.user"), 0)
        self.gateway = self.kind(self.cluster, "-u", self.folder / "door.user", "--tokens", *self.gateway_flags)
        self.addCleanup(self.gateway.stop)

    def trellis(self, *words):
        return run("trellis", "-b", self.cluster.frontend, "-u", self.admin, *words)

    def token(self, name, *flags):
        ran = self.assertRan(self.trellis("user", "token", name, *flags), 0)
        return "Bearer " + ran.out.strip()

    def assertStatus(self, response, status, *words):
        self.assertEqual(response.status, status, response.body)
        for word in words:
            self.assertIn(word, response.json["detail"])
        if status == 401:
            self.assertEqual(response["WWW-Authenticate"], 'Bearer realm="trellis"')


class Tokens(WithTokens):
    def test_each_request_is_asked_with_the_rights_of_its_tokens_user(self):
        admin, ada = self.token("admin"), self.token("ada", "--for", "12h")
        self.assertStatus(self.gateway.get("/v1/keys/a"), 401, "a user's token is asked for")
        self.assertStatus(self.gateway.get("/v1/keys/a", Authorization="Basic YTpi"), 401)
        self.assertEqual(self.gateway.put("/v1/keys/a", 1, Authorization=admin).status, 201)
        self.assertEqual(self.gateway.get("/v1/keys/a", Authorization=ada).json, 1)
        self.assertStatus(self.gateway.put("/v1/keys/a", 2, Authorization=ada), 403, "user ada may not PUT")
        batch = self.gateway.request("POST", "/v1/batch", [["GET", ["a"]], ["SET", ["a", 2]]], Authorization=ada).json
        self.assertEqual([item[0] for item in batch], ["OK", "PERMISSION_DENIED"])
        console = self.gateway.request("POST", "/v1/console", {"line": "SET a 3"}, Authorization=ada).json
        self.assertIn("user ada may not SET", console["err"])
        self.assertEqual(self.gateway.get("/v1/scan", Authorization=ada).json, [["a", 1]])

    def test_what_is_for_everybody_needs_no_token_and_tells_nothing_of_the_cluster(self):
        for path in ("/", "/page.js", "/livez", "/readyz", "/openapi.json"):
            self.assertEqual(self.gateway.get(path).status, 200, path)
        ada = self.token("ada")
        for path in ("/metrics", "/v1/recent", "/v1/status", "/v1/members", "/v1/ping", "/v1/partitions", "/v1/keys", "/v1/count"):
            self.assertStatus(self.gateway.get(path), 401)
            self.assertEqual(self.gateway.get(path, Authorization=ada).status, 200, path)
        self.assertRan(self.trellis("role", "set", "blind", "--read", "x"), 0)
        self.assertRan(self.trellis("user", "role", "ada", "blind"), 0)
        wait_for(lambda: self.gateway.get("/metrics", Authorization=ada).status == 403, "the new role")

    def test_tokens_end_and_are_taken_away(self):
        ada = self.token("ada")
        short = self.token("ada", "--for", "2s")
        self.assertEqual(self.gateway.get("/v1/ping", Authorization=short).status, 200)
        wait_for(lambda: self.gateway.get("/v1/ping", Authorization=short).status == 401, "its end", every=0.5)
        self.assertEqual(self.gateway.get("/v1/ping", Authorization=ada).status, 200)
        self.assertRan(self.trellis("user", "token", "ada", "--none"), 0)
        wait_for(lambda: self.gateway.get("/v1/ping", Authorization=ada).status == 401, "nobody to have it", every=0.5)

    def test_the_cluster_keeps_no_token(self):
        ada = self.token("ada").split()[1]
        listed = self.trellis("user", "list", "--json").out
        self.assertNotIn(ada, listed)
        self.assertEqual([len(user["tokens"]) for user in json.loads(listed)], [1, 0, 0])

    def test_wrong_tokens_are_slowed_down(self):
        ada = self.token("ada")
        wrong = "Bearer trellis_" + "A" * 43
        for _ in range(6):
            self.assertStatus(self.gateway.get("/v1/ping", Authorization=wrong), 401, "nobody has this token")
        held_up = self.gateway.get("/v1/ping", Authorization=ada)
        self.assertStatus(held_up, 429, "too many wrong tokens")
        self.assertIn(held_up["Retry-After"], ("1", "2"))
        wait_for(lambda: self.gateway.get("/v1/ping", Authorization=ada).status == 200, "its time to be over")

    def test_a_listing_of_a_part_says_so(self):
        admin = self.token("admin")
        for key in ("reports:1", "secret:1"):
            self.gateway.put(f"/v1/keys/{key}", 1, Authorization=admin)
        self.assertRan(self.trellis("role", "set", "analysts", "--read", "reports:"), 0)
        self.assertRan(self.trellis("user", "role", "ada", "analysts"), 0)
        ada = self.token("ada")
        wait_for(lambda: self.gateway.get("/v1/keys", Authorization=ada).json == ["reports:1"], "the new role")
        self.assertEqual(self.gateway.get("/v1/keys", Authorization=ada)["Trellis-Filtered"], "true")
        self.assertIsNone(self.gateway.get("/v1/keys?prefix=reports", Authorization=admin)["Trellis-Filtered"])


@unittest.skipUnless(shutil.which("openssl"), "needs openssl")
class Tls(WithTokens):
    kind = SecureGateway

    def setUp(self):
        self.make_certificate = lambda name: self.openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", f"/CN={name}",
            "-keyout", self.folder / "tls.key", "-out", self.folder / "tls.pem")
        super().setUp()

    @property
    def gateway_flags(self):
        self.make_certificate("first")
        return ("--tls-cert", self.folder / "tls.pem", "--tls-key", self.folder / "tls.key")

    def openssl(self, *words):
        return subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, input=b"", timeout=30)

    def is_taken(self, *flags):
        ran = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{self.gateway.port}", *flags], capture_output=True,
                             input=b"", timeout=30)
        return ran.returncode == 0 and b"Cipher is (NONE)" not in ran.stdout

    def test_requests_go_over_tls_and_over_nothing_else(self):
        ada = self.token("ada")
        self.assertEqual(self.gateway.get("/v1/ping", Authorization=ada).json, "PONG")
        self.assertStatus(self.gateway.get("/v1/ping"), 401)
        plain = http.client.HTTPConnection("127.0.0.1", self.gateway.port, timeout=10)
        self.addCleanup(plain.close)
        plain.request("GET", "/livez")
        with self.assertRaises((OSError, http.client.HTTPException)):
            plain.getresponse()

    def test_no_old_protocol_and_no_weak_cipher_is_taken(self):
        self.assertTrue(self.is_taken("-tls1_3"))
        self.assertTrue(self.is_taken("-tls1_2"))
        for old in (("-tls1_1", "-cipher", "ALL:@SECLEVEL=0"), ("-tls1", "-cipher", "ALL:@SECLEVEL=0")):
            self.assertFalse(self.is_taken(*old), old)
        for weak in ("AES128-SHA", "ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES128-SHA256", "NULL", "DHE-RSA-AES128-SHA"):
            self.assertFalse(self.is_taken("-tls1_2", "-cipher", f"{weak}:@SECLEVEL=0"), weak)
        self.assertTrue(self.is_taken("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"))

    def test_a_certificate_is_read_anew_and_a_wrong_one_changes_nothing(self):
        first = self.gateway.certificate()
        self.make_certificate("second")
        self.gateway.process.signal(signal.SIGHUP)
        wait_for(lambda: self.gateway.certificate() != first, "the new certificate")
        second = self.gateway.certificate()
        (self.folder / "tls.pem").write_text("no certificate")
        self.gateway.process.signal(signal.SIGHUP)
        self.gateway.process.wait_for_output("the certificate stays as it was")
        self.assertEqual(self.gateway.certificate(), second)

    def test_a_key_that_others_can_read_or_of_another_certificate_is_refused(self):
        flags = ("-b", self.cluster.frontend, "-u", self.folder / "door.user", "--tokens", "--listen", f"127.0.0.1:{self.gateway.port}")
        tls = ("--tls-cert", self.folder / "tls.pem", "--tls-key", self.folder / "tls.key")
        (self.folder / "tls.key").chmod(0o644)
        self.assertOneLine(self.assertRan(run("trellis-gateway", *flags, *tls, seconds=10), 1).err, "others can read it")
        (self.folder / "tls.key").chmod(0o600)
        certificate = (self.folder / "tls.pem").read_text()
        self.make_certificate("other")
        (self.folder / "tls.pem").write_text(certificate)
        self.assertOneLine(self.assertRan(run("trellis-gateway", *flags, *tls, seconds=10), 1).err, "is not the key of the certificate")


if __name__ == "__main__":
    main()
