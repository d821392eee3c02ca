"""docs/recipes.md and the two applications of examples/: the page's examples print what they show, and neither counts nor
locks go wrong while a leader is killed."""
import doctest
import re
import sys
import threading
import time

from support import EndToEndTest, main, wait_for
from support.processes import ROOT

sys.path.insert(0, str(ROOT / "clients" / "python"))
sys.path.insert(0, str(ROOT / "examples"))

import trellis  # noqa: E402  (it is found by now)
from lock_service import Lock, Protected  # noqa: E402
from rate_limiter import RateLimiter, Sessions  # noqa: E402


class Recipes(EndToEndTest):
    def test_the_pages_examples_print_what_they_show(self):
        cluster = self.start_cluster(workers=1, k=1)
        page = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8").replace("127.0.0.1:7400", cluster.frontend)
        examples = doctest.DocTestParser().get_doctest(re.sub(r"^```.*$", "", page, flags=re.MULTILINE), {}, "recipes.md", "recipes.md", 0)
        self.assertGreater(len(examples.examples), 30)
        said = []
        doctest.DocTestRunner(verbose=False, optionflags=doctest.IGNORE_EXCEPTION_DETAIL).run(examples, out=said.append)
        self.assertEqual("".join(said), "")


class Examples(EndToEndTest):
    def run_while_a_leader_is_killed(self, cluster, key, works, has_begun):
        """Runs each of `works` in a thread of its own; once they have begun the leader of `key` is killed."""
        failures = []

        def guarded(work):
            try:
                work()
            except BaseException as error:  # noqa: BLE001  (it is told by the test)
                failures.append(error)
        threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
        for thread in threads:
            thread.start()
        wait_for(has_begun, "the first of the work")
        cluster.kill_worker(cluster.leader_of(key))
        for thread in threads:
            thread.join(60)
        self.assertEqual(failures, [])
        self.assertFalse(any(thread.is_alive() for thread in threads))

    def test_as_many_as_the_limit_are_admitted(self):
        cluster = self.start_cluster(workers=3, k=2)
        with trellis.Client(cluster.frontend, timeout_ms=30_000) as client:
            limiter = RateLimiter(client, limit=500, window_ms=600_000)
            admitted = []

            def ask():
                for _ in range(200):
                    admitted.append(limiter.admits("ada"))
            self.run_while_a_leader_is_killed(cluster, "rate:ada", [ask] * 4, lambda: len(admitted) >= 20)
            self.assertEqual((len(admitted), sum(admitted)), (800, 500))
            left = client.ttl("rate:ada")
            self.assertGreater(left, 500_000)

    def test_a_window_and_a_session_end(self):
        cluster = self.start_cluster(workers=3, k=2)
        with trellis.Client(cluster.frontend, timeout_ms=30_000) as client:
            limiter, sessions = RateLimiter(client, limit=1, window_ms=400), Sessions(client, idle_ms=1_500)
            token = sessions.begin("ada")
            self.assertEqual([limiter.admits("bob"), limiter.admits("bob")], [True, False])
            begun, users = time.monotonic(), []

            def is_beyond_its_idle_time():
                users.append(sessions.user_of(token))
                return time.monotonic() - begun > 2
            wait_for(lambda: limiter.admits("bob"), "the end of a window of 400 ms", 3)
            wait_for(is_beyond_its_idle_time, "more than the 1.5 s that it may be idle", 10, every=0.05)
            self.assertEqual(set(users), {"ada"}, "it was used meanwhile")
            wait_for(lambda: not client.has(f"session:{token}"), "the end of a session that is idle for 1.5 s", 5)
            self.assertIsNone(sessions.user_of(token))

    def test_one_at_a_time_holds_the_lock_and_tokens_grow(self):
        cluster = self.start_cluster(workers=3, k=2)
        with trellis.Client(cluster.frontend, timeout_ms=30_000) as client:
            counter, tokens = Protected(client, "counter"), []

            def add():
                lock = Lock(client, "counter", ttl_ms=30_000)
                for _ in range(10):
                    token = lock.acquire("add")
                    self.assertIsNotNone(token)
                    tokens.append(token)
                    self.assertTrue(counter.write((counter.read() or 0) + 1, token))
                    lock.release()
            self.run_while_a_leader_is_killed(cluster, "lock:counter", [add] * 3, lambda: len(tokens) >= 2)
            self.assertEqual(counter.read(), 30, "no two added to the same number")
            self.assertEqual(tokens, sorted(set(tokens)))

    def test_who_lost_the_lock_is_refused_by_its_token(self):
        cluster = self.start_cluster(workers=1, k=1)
        with trellis.Client(cluster.frontend, timeout_ms=30_000) as client:
            slow, quick = Lock(client, "door", ttl_ms=200), Lock(client, "door", ttl_ms=30_000)
            door = Protected(client, "door")
            old = slow.acquire("slow")
            self.assertTrue(door.write("open", old))
            new = quick.acquire("quick", seconds=10)
            self.assertGreater(new, old)
            self.assertFalse(slow.renew())
            self.assertTrue(door.write("shut", new))
            self.assertFalse(door.write("open", old))
            self.assertEqual(door.read(), "shut")
            self.assertTrue(quick.renew())


if __name__ == "__main__":
    main()
