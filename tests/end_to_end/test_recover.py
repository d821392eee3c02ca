"""docs/operating.md, "A lost majority": most workers are lost for good, and what the others hold is brought back."""
import os
import shutil
import threading

from support import EndToEndTest, main, one_shot, wait_for
from support.history import Writers


class Recover(EndToEndTest):
    bound = 240

    def recover(self, cluster, lost, *flags, broker=0):
        names = ",".join(cluster.address_of(number) for number in lost)
        return one_shot(cluster, "-b", cluster.frontends[broker], "recover", "--lost", names, *flags)

    def plan(self, cluster, lost, broker=0):
        """The plan, as soon as this broker has found the lost ones silent for long enough."""
        return wait_for(lambda: (ran := self.recover(cluster, lost, broker=broker)).code == 0 and ran, "a plan", 60)

    def lose(self, cluster, *numbers):
        """Their folders are kept aside: a lost one may be found again."""
        for number in numbers:
            cluster.kill_worker(number)
            os.rename(cluster.data_of(number), f"{cluster.data_of(number)}.lost")

    def wait_until_whole(self, cluster, workers, tolerates):
        def whole():
            status = cluster.status()
            return (status["workers_up"] == workers and status["under_replicated"] == 0 and status["moves_left"] == 0
                    and status["tolerates"] == tolerates)
        wait_for(whole, "the cluster to be whole", 60)

    def test_what_the_last_worker_holds_is_brought_back(self):
        cluster = self.start_cluster(workers=3, k=2, partitions=4, brokers=2)
        client = self.client_of(cluster)
        for number in range(200):
            self.assertOk(client.call("PUT", f"key{number}", number))
        identity = cluster.status()["cluster"]
        wait_for(lambda: all(member["lag_entries"] in (0, None) for member in self.assertOk(client.call("MEMBERS", load=True)).result),
                 "all to hold them")
        writers = Writers(cluster.frontends)
        wait_for(lambda: writers.written > 500, "some writes")
        lost = (1, 2)
        self.lose(cluster, *lost)
        refused = self.recover(cluster, lost, "--yes", identity)
        self.assertEqual(refused.code, 4, refused)
        self.assertIn(" may be alive: this broker heard it", refused.err)
        self.assertIn("if it is gone for good, ask again in", refused.err)
        plan = self.plan(cluster, lost)
        self.assertIn(f"partition 0: begins anew on {cluster.address_of(0)} with entry ", plan.out)
        self.assertIn("of 1 replica left; what was acknowledged behind entry", plan.out)
        self.assertTrue(plan.out.endswith("this is the plan: nothing has changed\n"), plan.out)
        self.assertEqual(plan.err, "to go on, give the cluster's id with --yes\n")
        self.assertEqual(cluster.status()["epoch"], 1)
        wrong = self.recover(cluster, lost, "--yes", "0" * 32)
        self.assertEqual(wrong.code, 4, wrong)
        self.assertIn(f"this is cluster {identity}", wrong.err)
        done = self.recover(cluster, lost, "--yes", identity)
        self.assertEqual(done.code, 0, done)
        self.assertTrue(done.out.endswith("the cluster is recovered\n"), done.out)
        for number in range(200):
            self.assertOk(client.call("GET", f"key{number}", wait=20), number)
        seen = writers.written
        wait_for(lambda: writers.written > seen + 100, "writes to go on with one worker")
        wait_for(lambda: cluster.status(1)["epoch"] == 2, "the other broker to hear of it")
        status = cluster.status(1)
        self.assertEqual((status["epoch"], status["workers"], status["tolerates"], status["k"]), (2, 1, 0, 2))
        again = self.recover(cluster, lost, "--yes", identity, broker=1)
        self.assertEqual((again.code, again.out.splitlines()[-1]), (0, "the cluster is recovered"), again)

        # A lost one that is found again is told, and changes nothing.
        os.rename(f"{cluster.data_of(1)}.lost", cluster.data_of(1))
        self.assertEqual(cluster.start_worker(1).wait(), 0)
        self.assertIn(f"this worker was named as lost when cluster {identity} was recovered", cluster.workers[1].output())
        self.assertEqual(cluster.status()["epoch"], 2)
        for number in lost:
            shutil.rmtree(cluster.data_of(number), ignore_errors=True)
            cluster.start_worker(number, ("--join",))
        self.wait_until_whole(cluster, workers=3, tolerates=1)
        writers.stop()
        self.assertEqual([error for error in writers.errors if error.status != "UNAVAILABLE"], [])
        cluster.kill_worker(0)
        for number in range(0, 200, 10):
            self.assertOk(client.call("GET", f"key{number}", wait=20), number)

    def test_two_brokers_that_recover_at_once_come_to_the_same(self):
        cluster = self.start_cluster(workers=5, k=3, partitions=4, brokers=2)
        client = self.client_of(cluster)
        for number in range(100):
            self.assertOk(client.call("PUT", f"key{number}", number))
        wait_for(lambda: all(member["lag_entries"] in (0, None) for member in self.assertOk(client.call("MEMBERS", load=True)).result),
                 "all to hold them")
        identity = cluster.status()["cluster"]
        lost = (2, 3, 4)
        self.lose(cluster, *lost)
        for broker in (0, 1):
            self.plan(cluster, lost, broker)
        ran = {}

        def ask(broker):
            ran[broker] = self.recover(cluster, lost, "--yes", identity, broker=broker)
        threads = [threading.Thread(target=ask, args=(broker,)) for broker in (0, 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for each in ran.values():
            self.assertEqual((each.code, each.out.splitlines()[-1:]), (0, ["the cluster is recovered"]), each)
        first, second = cluster.status(0), cluster.status(1)
        for field in ("epoch", "map_version", "workers", "cluster"):
            self.assertEqual(first[field], second[field], field)
        self.assertEqual((first["epoch"], first["workers"]), (2, 2))
        for number in range(100):
            self.assertOk(client.call("GET", f"key{number}", wait=20), number)
        for number in lost:
            cluster.start_worker(number, ("--join",))
        self.wait_until_whole(cluster, workers=5, tolerates=2)
        for number in range(100):
            self.assertOk(client.call("GET", f"key{number}", wait=20), number)


if __name__ == "__main__":
    main()
