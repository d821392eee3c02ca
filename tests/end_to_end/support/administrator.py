"""An administrator who changes users and roles while things fail, and keeps what was promised."""
import threading

from .client import Client
from .waiting import wait_for

_ROLES, _USERS = 3, 4


class Administrator:
    """A thread that makes one change after the other, each asked for until it is acknowledged, until stop()."""

    def __init__(self, frontends, user):
        self.changes = 0
        self._roles = {}  # name -> the one prefix that it reads
        self._users = {}  # name -> role
        self._failure = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._guarded, args=(frontends, user), daemon=True)
        self._thread.start()

    def _guarded(self, *arguments):
        try:
            self._run(*arguments)
        except Exception as failure:  # Told in stop().
            self._failure = failure

    def _run(self, frontends, user):
        clients = [Client(frontend, user=user) for frontend in frontends]
        try:
            while not self._stopping.is_set():
                number = self.changes
                role, name = f"r{number % _ROLES}", f"u{number % _USERS}"
                self._change(clients, "ROLE_SET", role, {"rules": [{"prefix": f"{number}:", "allow": ["read"]}]})
                self._roles[role] = f"{number}:"
                if name in self._users:
                    self._change(clients, "USER_REMOVE", name, done=("OK", "NOT_FOUND"))
                    del self._users[name]
                else:
                    self._change(clients, "USER_ADD", name, number.to_bytes(32, "big"), role)
                    self._users[name] = role
                self.changes += 1
        finally:
            for client in clients:
                client.close()

    @staticmethod
    def _change(clients, command, *arguments, done=("OK",)):
        while True:
            try:
                reply = clients[0].call(command, *arguments, wait=1.5, timeout_ms=1000)
            except AssertionError:  # Its broker is gone: the next one is asked.
                clients.append(clients.pop(0))
                continue
            if reply.status in done:
                return
            assert reply.status in ("UNAVAILABLE", "DEADLINE_EXCEEDED"), reply

    def stop(self, seconds=60):
        """Ends it once its last change is acknowledged."""
        self._stopping.set()
        self._thread.join(seconds)
        assert not self._thread.is_alive(), "the administrator's last change is never acknowledged"
        if self._failure:
            raise self._failure

    def check(self, client):
        """What the cluster has is what was acknowledged."""
        def listed(command):
            """A broker that stood still a moment ago has nothing to tell yet; an answer it has to give."""
            def ask():
                try:
                    return client.call(command, wait=30).result
                except AssertionError as silence:
                    return silence
            told = wait_for(ask, f"the result of {command}", 60)
            if isinstance(told, AssertionError):
                raise told
            return told
        users = {each["name"]: each["role"] for each in listed("USER_LIST") if each["name"] != "admin"}
        assert users == self._users, f"users are {users}, and were acknowledged as {self._users}"
        roles = {each["name"]: [rule["prefix"] for rule in each["rules"]]
                 for each in listed("ROLE_LIST") if not each["built_in"]}
        wanted = {name: [prefix] for name, prefix in self._roles.items()}
        assert roles == wanted, f"roles are {roles}, and were acknowledged as {wanted}"
