"""docs/operating.md: workers join, leave and are replaced, under load, and nothing is lost or fails."""
import shutil

from support import Cluster, EndToEndTest, main, one_shot, run, wait_for
from support.history import Writers
from support.processes import free_ports


class MembersTest(EndToEndTest):
    bound = 240

    def add_worker(self, cluster, flags=("--join",)):
        """An empty worker on a port of its own; returns its number."""
        cluster.ports += free_ports(1)
        cluster.workers.append(None)
        number = len(cluster.workers) - 1
        cluster.start_worker(number, flags)
        return number

    def members_of(self, cluster):
        with self.client_of(cluster) as client:
            return {member["address"]: member for member in self.assertOk(client.call("MEMBERS", wait=10)).result}

    def wait_until_settled(self, cluster, numbers, seconds=90):
        """Waits until these workers and no others are members, and every replica is where the map has it."""
        wanted = {cluster.address_of(number) for number in numbers}

        def settled():
            members = self.members_of(cluster)
            status = cluster.status()
            return (members.keys() == wanted and all(member["membership"] == "member" for member in members.values())
                    and status.get("moves_left") == 0 and status.get("under_replicated") == 0 and status.get("guaranteed"))
        try:
            wait_for(settled, "the members to settle", seconds)
        except AssertionError as late:
            raise AssertionError(f"{late}\n{self.members_of(cluster)}\n{cluster.status()}\n{cluster.tails()}") from None

    def assertNothingFailed(self, writers, client):
        writers.stop()
        self.assertEqual(writers.errors, [])
        self.assertEqual(writers.uncertain, {})
        writers.check(client)

    def change(self, cluster, command, *arguments, **options):
        with self.client_of(cluster) as client:
            return client.call(command, *arguments, wait=20, **options)


class UnderLoad(MembersTest):
    def test_a_worker_joins_and_one_leaves_while_a_leader_is_killed(self):
        """In a cluster with keys: its users and roles are where its members are."""
        self.assertRan(run("trellis", "keys", "init", self.folder / "keys"), 0)
        cluster = self.start_cluster(workers=3, k=2, flags=("--cluster-key", self.folder / "keys" / "cluster.key"),
                                     user=self.folder / "keys" / "admin.user")
        client = self.client_of(cluster)
        self.assertOk(client.call("ROLE_SET", "writers", {"rules": [{"prefix": "writer", "allow": ["read", "write"]}]}), True)
        self.assertOk(client.call("USER_ADD", "ada", b"a" * 32, "writers"), True)
        known = [self.assertOk(client.call(command)).result for command in ("USER_LIST", "ROLE_LIST")]
        writers = Writers(cluster.frontends, user=cluster.user)
        wait_for(lambda: writers.written > 200, "some writes")
        fourth = self.add_worker(cluster)
        self.wait_until_settled(cluster, [0, 1, 2, fourth])
        self.assertGreater(self.members_of(cluster)[cluster.address_of(fourth)]["partitions"], 0)
        cluster.kill_worker(1)
        seen = writers.written
        wait_for(lambda: writers.written > seen + 200, "writes to go on without a worker")
        cluster.start_worker(1)
        cluster.wait_for_state(1, "up")
        self.assertOk(self.change(cluster, "MEMBER_REMOVE", cluster.address_of(0)), True)
        self.wait_until_settled(cluster, [1, 2, fourth])
        self.assertEqual(cluster.workers[0].wait(), 0)
        self.assertIn("was removed from cluster", cluster.workers[0].output())
        self.assertEqual(cluster.start_worker(0, ("--join",)).wait(), 0, "started again it says so and ends")
        self.assertNothingFailed(writers, client)
        self.assertEqual([self.assertOk(client.call(command)).result for command in ("USER_LIST", "ROLE_LIST")], known)

    def test_from_one_worker_to_two_to_three(self):
        cluster = self.start_cluster(workers=1, k=1)
        client = self.client_of(cluster)
        writers = Writers(cluster.frontends)
        wait_for(lambda: writers.written > 200, "some writes")
        second = self.add_worker(cluster)
        self.wait_until_settled(cluster, [0, second])
        third = self.add_worker(cluster)
        self.wait_until_settled(cluster, [0, second, third])
        self.assertOk(self.change(cluster, "SETTINGS", {"k": 2}), {"k": 2, "moves": 2, "move_rate": 0, "repair_after_ms": 600_000})
        self.wait_until_settled(cluster, [0, second, third])
        status = cluster.status()
        self.assertEqual((status["k"], status["replicas"], status["tolerates"]), (2, 3, 1))
        self.assertNothingFailed(writers, client)
        writers = Writers(cluster.frontends)
        wait_for(lambda: writers.written > 100, "some writes")
        cluster.kill_worker(0)
        seen = writers.written
        wait_for(lambda: writers.written > seen + 200, "writes to go on without the first worker")
        self.assertNothingFailed(writers, client)


class LostDisks(MembersTest):
    def test_a_worker_with_an_empty_disk_takes_the_place_that_it_had(self):
        """In a cluster with keys: the others have a link to another worker at the same address then."""
        self.assertRan(run("trellis", "keys", "init", self.folder / "keys"), 0)
        cluster = self.start_cluster(workers=3, k=2, flags=("--cluster-key", self.folder / "keys" / "cluster.key"),
                                     user=self.folder / "keys" / "admin.user")
        client = self.client_of(cluster)
        for number in range(200):
            self.assertOk(client.call("PUT", f"key{number}", number))
        lost = self.members_of(cluster)[cluster.address_of(2)]["id"]
        cluster.kill_worker(2)
        shutil.rmtree(cluster.data_of(2))
        cluster.start_worker(2, ("--join",))
        wait_for(lambda: self.members_of(cluster)[cluster.address_of(2)]["id"] != lost, "the new worker in its place")
        self.wait_until_settled(cluster, [0, 1, 2])
        for killed in (0, 1):
            cluster.kill_worker(killed)
            for number in range(0, 200, 20):
                self.assertOk(client.call("GET", f"key{number}", wait=20), number)
            cluster.start_worker(killed)
            cluster.wait_until_whole()

    def test_a_worker_that_is_down_is_removed(self):
        cluster = self.start_cluster(workers=4, k=2)
        client = self.client_of(cluster)
        self.assertOk(client.call("PUT", "k", 1))
        cluster.kill_worker(3)
        cluster.wait_for_state(3, "down")
        self.assertOk(self.change(cluster, "MEMBER_REMOVE", cluster.address_of(3)), True)
        self.wait_until_settled(cluster, [0, 1, 2])
        self.assertOk(client.call("GET", "k"), 1)
        cluster.start_worker(3)
        self.assertEqual(cluster.workers[3].wait(), 0, "it comes back, is told, and ends")


class Zones(MembersTest):
    def start_cluster_in_zones(self, zones):
        cluster = Cluster(self.folder, workers=len(zones), k=2, start=False)
        self.addCleanup(cluster.stop)
        cluster.start_broker()
        for number, zone in enumerate(zones):
            cluster.start_worker(number, ("--zone", zone))
        cluster.wait_until_whole()
        return cluster

    def test_each_zone_is_lost_in_turn_and_a_worker_for_good(self):
        zones = ["a", "b", "c", "a", "b", "c"]
        cluster = self.start_cluster_in_zones(zones)
        client = self.client_of(cluster)
        self.assertEqual(cluster.status()["zones"], 3)
        self.assertEqual([self.members_of(cluster)[cluster.address_of(n)]["zone"] for n in range(6)], zones)
        writers = Writers(cluster.frontends, timeout_ms=2_000)
        for lost in ("a", "b", "c"):
            down = [number for number in range(6) if zones[number] == lost]
            for number in down:
                cluster.kill_worker(number)
            for number in down:
                cluster.wait_for_state(number, "down")
            seen = writers.written
            wait_for(lambda: writers.written > seen + 100, "writes to go on without a zone")
            self.assertTrue(cluster.status()["guaranteed"], "a zone is one failure")
            for number in down:
                cluster.start_worker(number, ("--zone", lost))
            cluster.wait_until_whole()
        self.assertEqual(self.assertOk(self.change(cluster, "SETTINGS", {"repair_after_ms": 3_000})).result["repair_after_ms"], 3_000)
        for number in (0, 1, 2, 3, 4, 5):
            cluster.kill_worker(number)
            cluster.start_worker(number, ("--zone", zones[number]))
            cluster.wait_for_state(number, "up")
        cluster.wait_until_whole()
        cluster.kill_worker(0)

        def made_good():
            status = cluster.status()
            return status.get("under_replicated") == 0 and status.get("moves_left") == 0 and status.get("workers_up") == 5
        wait_for(made_good, "the lost worker's replicas to be made anew", 60)
        self.assertEqual(self.members_of(cluster)[cluster.address_of(0)]["partitions"], 0)
        cluster.start_worker(0, ("--zone", "a"))
        wait_for(lambda: self.members_of(cluster)[cluster.address_of(0)]["partitions"], "it to take its share again", 30)
        self.wait_until_settled(cluster, range(6))
        for k in (3, 2):
            self.assertOk(self.change(cluster, "SETTINGS", {"k": k}))
            wait_for(lambda: cluster.status().get("tolerates") == k - 1, f"each partition to have its replicas with k={k}", 60)
            self.wait_until_settled(cluster, range(6))
        self.assertNothingFailed(writers, client)


class Repair(MembersTest):
    def test_two_that_are_killed_together_are_made_good_with_a_k_of_3(self):
        cluster = self.start_cluster(workers=7, k=3, partitions=8)
        client = self.client_of(cluster)
        writers = Writers(cluster.frontends)
        wait_for(lambda: writers.written > 200, "some writes")
        self.assertOk(self.change(cluster, "SETTINGS", {"repair_after_ms": 5_000}))
        for number in (2, 5):
            cluster.kill_worker(number)

        def made_good():
            status = cluster.status()
            lost = [self.members_of(cluster)[cluster.address_of(number)]["partitions"] for number in (2, 5)]
            return (status.get("under_replicated"), status.get("moves_left"), status.get("tolerates"), lost) == (0, 0, 2, [0, 0])
        wait_for(made_good, "both workers' replicas to be made anew", 120)
        # As many as before may be lost again.
        for number in (0, 6):
            cluster.kill_worker(number)
        seen = writers.written
        wait_for(lambda: writers.written > seen + 200, "writes to go on without two more", 60)
        self.assertNothingFailed(writers, client)


class Orders(MembersTest):
    def test_what_cannot_be_is_refused_with_what_to_do(self):
        cluster = self.start_cluster(workers=3, k=2)
        refused = self.change(cluster, "MEMBER_REMOVE", cluster.address_of(0))
        self.assertEqual(refused.status, "FAILED_PRECONDITION")
        self.assertIn("add one first (trellis-worker --join), or lower k", refused.info["message"])
        self.assertEqual(self.change(cluster, "MEMBER_REMOVE", "127.0.0.1:1").status, "NOT_FOUND")
        self.assertEqual(self.change(cluster, "SETTINGS", {"k": 4}).status, "FAILED_PRECONDITION")
        self.assertEqual(self.change(cluster, "SETTINGS", {"colour": 1}).status, "INVALID_ARGUMENT")
        self.assertOk(self.change(cluster, "SETTINGS"), {"k": 2, "moves": 2, "move_rate": 0, "repair_after_ms": 600_000})
        self.assertEqual(self.change(cluster, "SETTINGS", {"moves": 17}).status, "INVALID_ARGUMENT")
        self.assertIn("3000", self.change(cluster, "SETTINGS", {"repair_after_ms": 1}).info["message"])
        self.assertOk(self.change(cluster, "MEMBER_KEEP", cluster.address_of(0)), False)

    def test_settings_hold_from_one_leader_to_the_next(self):
        cluster = self.start_cluster(workers=3, k=2)
        self.assertOk(self.change(cluster, "SETTINGS", {"moves": 1, "move_rate": 1 << 20}),
                      {"k": 2, "moves": 1, "move_rate": 1 << 20, "repair_after_ms": 600_000})
        for number in range(3):
            cluster.kill_worker(number)
        for number in range(3):
            cluster.start_worker(number)
        cluster.wait_until_whole()
        self.assertOk(self.change(cluster, "SETTINGS"), {"k": 2, "moves": 1, "move_rate": 1 << 20, "repair_after_ms": 600_000})

    def test_a_dry_run_tells_what_would_move_and_moves_nothing(self):
        cluster = self.start_cluster(workers=4, k=2)
        version = cluster.status()["map_version"]
        plan = self.assertOk(self.change(cluster, "MEMBER_REMOVE", cluster.address_of(3), dry_run=True)).result
        held = self.members_of(cluster)[cluster.address_of(3)]["partitions"]
        self.assertEqual(plan["replicas"], held)
        self.assertEqual({transfer["from"] for transfer in plan["transfers"]}, {cluster.address_of(3)})
        self.assertEqual((plan["tolerates_before"], plan["tolerates_during"], plan["tolerates_after"]), (1, 1, 1))
        after = {worker["address"]: worker["replicas_after"] for worker in plan["workers"]}
        self.assertEqual(after[cluster.address_of(3)], 0)
        self.assertEqual(self.assertOk(self.change(cluster, "SETTINGS", {"k": 1}, dry_run=True)).result["replicas"], 0)
        self.assertEqual(cluster.status()["map_version"], version)

    def test_what_waits_says_why_and_what_cannot_finish_is_refused(self):
        cluster = self.start_cluster(workers=4, k=2)
        self.assertOk(self.change(cluster, "MOVES"), [])
        cluster.kill_worker(3)
        cluster.wait_for_state(3, "down")
        # The only one that could take what another carries is down.
        refused = wait_for(lambda: self.change(cluster, "MEMBER_REMOVE", cluster.address_of(0), dry_run=True).info.get("message"),
                           "the removal to be refused", 20)
        self.assertIn(cluster.address_of(3) + ", where replicas would move to, is down: start it, or remove it first", refused)
        cluster.start_worker(3)
        cluster.wait_until_whole()
        self.assertOk(self.change(cluster, "SETTINGS", {"moves": 1}))
        fourth = self.add_worker(cluster)
        wait_for(lambda: cluster.address_of(fourth) in self.members_of(cluster), "the newcomer to be a member")
        cluster.kill_worker(fourth)
        notes = wait_for(lambda: [move for move in self.change(cluster, "MOVES").result or [] if "is down" in move["note"]], "a move to wait", 20)
        self.assertEqual({move["to"] for move in notes}, {cluster.address_of(fourth)})
        cluster.start_worker(fourth, ("--join",))
        self.wait_until_settled(cluster, [0, 1, 2, 3, fourth])
        wait_for(lambda: self.change(cluster, "MOVES").result == [], "nothing to move")

    def test_the_command_waits_until_the_worker_is_gone(self):
        cluster = self.start_cluster(workers=4, k=2)
        ran = one_shot(cluster, "member", "remove", cluster.address_of(3))
        self.assertEqual((ran.code, ran.out), (0, "OK\n"), ran.err)
        self.assertEqual(cluster.workers[3].wait(), 0)
        self.wait_until_settled(cluster, [0, 1, 2])


if __name__ == "__main__":
    main()
