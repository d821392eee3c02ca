"""`trellis up --secure`: keys in the data folder, and nothing else that has to be done."""
import urllib.error
import urllib.request

from support import EndToEndTest, free_ports, main, run, wait_for


class UpSecure(EndToEndTest):
    def setUp(self):
        super().setUp()
        ports = free_ports(5)
        self.frontend, self.backend, self.listen = (f"127.0.0.1:{port}" for port in ports[:3])
        self.data = self.folder / "data"
        self.servers = self.file("servers", "".join(f"127.0.0.1 {port}\n" for port in ports[3:]))
        self.addCleanup(lambda: run("trellis", "down", "--data", self.data))

    def up(self, *flags, **settings):
        return run("trellis", "up", "--data", self.data, "--servers", self.servers, "-k", 1, "-b", self.frontend, "--backend", self.backend,
                   "--listen", self.listen, *flags, **settings)

    def trellis(self, *words):
        return run("trellis", "-b", self.frontend, *words)

    def get(self, token=None):
        request = urllib.request.Request(f"http://{self.listen}/v1/keys/a", headers={"Authorization": f"Bearer {token}"} if token else {})
        try:
            with urllib.request.urlopen(request, timeout=20) as response:
                return response.status
        except urllib.error.HTTPError as error:
            return error.code

    def test_it_makes_keys_and_uses_them_and_so_does_every_later_up(self):
        up = self.assertRan(self.up("--secure", stdin="PUT a -> 1\nGET a\n"), 0, out="OK\na -> 1\n")
        self.assertIn(f"trellis -u {self.data}/keys/admin.user", up.err)
        admin = ("-u", self.data / "keys" / "admin.user")
        self.assertRan(self.up("--detach"), 0)
        self.assertRan(self.trellis(*admin, "get", "a"), 0, out="a -> 1\n")
        self.assertOneLine(self.assertRan(self.trellis("get", "a"), 4).err, "asks for a user's key")
        self.assertRan(self.trellis(*admin, "user", "list"), 0, out="admin  admin\ngateway  gateway\n")
        self.assertEqual(self.get(), 401)
        token = self.assertRan(self.trellis(*admin, "user", "token", "admin"), 0).out.strip()
        wait_for(lambda: self.get(token) == 200, "the gateway to serve the token's user")
        # A shell on it is the administrator's.
        self.assertRan(self.up(stdin="GET a\n"), 0, out="a -> 1\n")

    def test_without_a_flag_nothing_is_asked_for_whatever_key_the_caller_has(self):
        self.assertRan(run("trellis", "keys", "init", self.folder / "other"), 0)
        environment = {"TRELLIS_USER": str(self.folder / "other" / "admin.user")}
        self.assertRan(self.up("--detach", environment=environment), 0)
        self.assertRan(self.trellis("put", "a", "1"), 0)
        wait_for(lambda: self.get() == 200, "the gateway to serve")
        self.assertFalse((self.data / "keys").exists())


if __name__ == "__main__":
    main()
