// Making a cluster, from one worker's side.  docs/design.md, "Making a cluster".
#include "worker/membership.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/memory_log_store.hpp"
#include "worker/raft/log_records.hpp"

namespace trellis {
namespace {

using ::testing::HasSubstr;

std::string address(std::uint64_t id) { return "127.0.0.1:" + std::to_string(9000 + id); }

/// One worker's disk, and its membership over restarts.
class Candidate {
 public:
  explicit Candidate(std::uint64_t id, bool joins = false) : id_(id), joins_(joins) { restart(); }

  void restart() { membership_ = *Membership::load(store, address(id_), random_source(), joins_); }
  /// Everything collected becomes durable.
  bool sync() {
    store.start_write();
    EXPECT_TRUE(*store.finish_write());
    return membership_->on_durable(batch++);
  }
  Membership* operator->() { return &*membership_; }

  Result<void> form(const ClusterSpec& spec) { return membership_->on_form({spec}, store, random_source(), batch); }
  Result<void> offer(const ClusterMap& map) { return membership_->on_map_offer(map, store, batch); }
  Result<void> all_hold(const ClusterMap& map) {
    return membership_->on_all_hold({map.cluster, map.version}, store, batch);
  }

  MemoryLogStore store;
  BatchNumber batch = 1;

 private:
  RandomSource random_source() {
    return [this] { return id_ * 1000 + drawn_++; };
  }
  std::uint64_t id_;
  bool joins_;
  std::uint64_t drawn_ = 0;
  std::optional<Membership> membership_;
};

ClusterSpec spec_of(std::initializer_list<Candidate*> workers, std::uint32_t k = 2) {
  ClusterSpec spec;
  spec.k = k;
  spec.partitions = 4;
  for (Candidate* worker : workers) spec.workers.push_back({(*worker)->self(), (*worker)->address()});
  return spec;
}

class MembershipOfThree : public ::testing::Test {
 protected:
  MembershipOfThree() {
    for (Candidate* worker : {&first, &second, &third}) worker->sync();
    spec = spec_of({&first, &second, &third});
  }
  Candidate first{1};
  Candidate second{2};
  Candidate third{3};
  ClusterSpec spec;
};

TEST_F(MembershipOfThree, AnIdIsDrawnOnceForLife) {
  const WorkerId id = first->self();
  first.restart();
  EXPECT_EQ(first->self(), id);
  EXPECT_NE(id, second->self());
  EXPECT_EQ(first->map(), nullptr);
}

TEST_F(MembershipOfThree, TheFirstOfTheServerFileMakesTheMap) {
  ASSERT_TRUE(first.form(spec));
  EXPECT_EQ(first->map(), nullptr) << "nothing counts before it is durable";
  EXPECT_TRUE(first.sync());
  ASSERT_NE(first->map(), nullptr);
  EXPECT_FALSE(first->is_formed());
  EXPECT_EQ(first->map()->version, 1u);
  EXPECT_EQ(first->map()->members.size(), 3u);
}

TEST_F(MembershipOfThree, NobodyElseMakesIt) {
  EXPECT_FALSE(second.form(spec));
  ClusterSpec moved = spec;
  moved.workers[0].second = "127.0.0.1:1";
  EXPECT_FALSE(first.form(moved));
  EXPECT_FALSE(first.store.has_collected());
}

TEST_F(MembershipOfThree, ASecondFormChangesNothing) {
  ASSERT_TRUE(first.form(spec));
  ASSERT_TRUE(first.form(spec));  // Another broker says it before the first is durable,
  first.sync();
  const ClusterMap map = *first->map();
  ASSERT_TRUE(first.form(spec));  // and after.
  EXPECT_FALSE(first.store.has_collected());
  EXPECT_EQ(*first->map(), map);
}

TEST_F(MembershipOfThree, EveryoneTakesAFormingMapAndTheMakerMarksItFormed) {
  ASSERT_TRUE(first.form(spec));
  first.sync();
  ASSERT_TRUE(second.offer(*first->map()));
  second.sync();
  EXPECT_EQ(*second->map(), *first->map());
  ASSERT_TRUE(second.all_hold(*first->map()));
  EXPECT_FALSE(second.store.has_collected()) << "its maker alone forms it";
  ASSERT_TRUE(first.all_hold(*first->map()));
  EXPECT_FALSE(first->is_formed());
  first.sync();
  EXPECT_TRUE(first->is_formed());
  EXPECT_EQ(first->map()->version, 2u);
  ASSERT_TRUE(second.offer(*first->map()));
  second.sync();
  EXPECT_TRUE(second->is_formed());
}

TEST_F(MembershipOfThree, AllHoldOfAnotherVersionOrClusterFormsNothing) {
  ASSERT_TRUE(first.form(spec));
  first.sync();
  ClusterMap other = *first->map();
  other.version = 7;
  ASSERT_TRUE(first.all_hold(other));
  other = *first->map();
  other.cluster = std::string(32, 'a');
  ASSERT_TRUE(first.all_hold(other));
  EXPECT_FALSE(first.store.has_collected());
}

TEST_F(MembershipOfThree, AnEmptyWorkerRefusesAFormedMap) {
  ASSERT_TRUE(first.form(spec));
  first.sync();
  ClusterMap formed = *first->map();
  formed.formed = true;
  const auto taken = third.offer(formed);
  ASSERT_FALSE(taken);
  EXPECT_THAT(taken.error().message, HasSubstr(formed.cluster));
  EXPECT_FALSE(third.store.has_collected());
}

TEST_F(MembershipOfThree, TheMapOfAnotherClusterIsRefusedByNameOfBoth) {
  ASSERT_TRUE(first.form(spec));
  first.sync();
  ASSERT_TRUE(second.offer(*first->map()));
  second.sync();
  ClusterMap other = *first->map();
  other.cluster = std::string(32, 'a');
  other.version = 9;
  const auto taken = second.offer(other);
  ASSERT_FALSE(taken);
  EXPECT_THAT(taken.error().message, HasSubstr(other.cluster));
  EXPECT_THAT(taken.error().message, HasSubstr(second->map()->cluster));
}

TEST_F(MembershipOfThree, AMapWithoutThisWorkerIsRefused) {
  ASSERT_TRUE(first.form(spec));
  first.sync();
  Candidate stranger{4};
  stranger.sync();
  EXPECT_FALSE(stranger.offer(*first->map()));
}

TEST_F(MembershipOfThree, AMapThatContradictsTheGroupsOfThisWorkerIsRefused) {
  ASSERT_TRUE(first.form(spec_of({&first, &second, &third})));
  first.sync();
  const ClusterMap held = *first->map();
  const auto expect_refused = [&](const std::function<void(ClusterMap&)>& change, const char* why) {
    ClusterMap offer = held;
    offer.version += 5;
    offer.formed = true;
    change(offer);
    const auto taken = first.offer(offer);
    ASSERT_FALSE(taken) << why;
    EXPECT_THAT(taken.error().message, HasSubstr(why));
    EXPECT_FALSE(first.store.has_collected());
  };
  expect_refused([](ClusterMap& map) { map.partitions.resize(2); }, "partitions of 2 instead of 4");
  expect_refused([](ClusterMap& map) { --map.next_replica; }, "ids of replicas that were given before");
  expect_refused([](ClusterMap& map) { map.members[0].address = "127.0.0.1:1"; }, "without this worker");
  expect_refused([](ClusterMap& map) { map.formed = false; }, "without this worker");
  expect_refused(
      [&](ClusterMap& map) {
        map = held;
        map.k = 1;
      },
      "another content than the one of this version");
  ClusterMap newer = held;
  newer.version += 5;
  newer.formed = true;
  EXPECT_TRUE(first.offer(newer));
}

TEST_F(MembershipOfThree, OneThatTheMapKnowsNoMoreWasRemoved) {
  ASSERT_TRUE(first.form(spec));
  first.sync();
  ASSERT_TRUE(second.offer(*first->map()));
  second.sync();
  ClusterMap without = *first->map();
  without.formed = true;
  without.k = 1;
  without.version = 9;
  const WorkerId gone = second->self();
  std::erase_if(without.members, [gone](const Member& member) { return member.id == gone; });
  for (Placement& placement : without.partitions) {
    placement.replicas = {*placement.find(first->self())};
    placement.preferred_leader = first->self();
  }
  ASSERT_TRUE(second.offer(without)) << second.offer(without).error().message;
  EXPECT_FALSE(second->removed()) << "nothing counts before it is durable";
  second.sync();
  ASSERT_TRUE(second->removed());
  EXPECT_THAT(*second->removed(), HasSubstr("was removed from cluster " + without.cluster));
  second.restart();
  EXPECT_TRUE(second->removed());
}

TEST_F(MembershipOfThree, WhoAsksToJoinTakesAFormedMapThatHasItAndNoOther) {
  ASSERT_TRUE(first.form(spec));
  first.sync();
  ClusterMap formed = *first->map();
  formed.formed = true;
  formed.version = 9;
  Candidate joiner(4, true);
  joiner.sync();
  EXPECT_TRUE(joiner.offer(formed));
  EXPECT_FALSE(joiner.store.has_collected()) << "it is no member";
  EXPECT_TRUE(joiner->joins());
  ClusterMap with_it = formed;
  with_it.members.push_back({joiner->self(), address(4), MemberState::kJoining, 8, {1, 2}});
  ASSERT_TRUE(joiner.offer(with_it));
  joiner.sync();
  EXPECT_TRUE(joiner->is_formed());
  EXPECT_FALSE(joiner->joins());
  EXPECT_FALSE(joiner.store.hard_state({0})->has_value()) << "it gets its replicas from their groups' leaders";
  ClusterMap as_founder = with_it;
  as_founder.members.back().since = 0;
  Candidate wiped(4, true);
  wiped.sync();
  EXPECT_FALSE(wiped.offer(as_founder)) << "it may have voted in an earlier incarnation";
}

TEST_F(MembershipOfThree, WhoAsksToJoinNamesTheNewestMapThatItWasOffered) {
  ASSERT_TRUE(first.form(spec));
  first.sync();
  ClusterMap formed = *first->map();
  formed.formed = true;
  formed.version = 9;
  Candidate joiner(4, true);
  joiner.sync();
  EXPECT_EQ(joiner->told_version(), MapVersion());
  ASSERT_TRUE(joiner.offer(formed));
  EXPECT_EQ(joiner->told_version(), (MapVersion{1, 9}));
  formed.version = 8;  // Through a broker that is behind.
  ASSERT_TRUE(joiner.offer(formed));
  EXPECT_EQ(joiner->told_version(), (MapVersion{1, 9}));
  formed.cluster = std::string(32, 'e');
  ASSERT_TRUE(joiner.offer(formed));
  EXPECT_EQ(joiner->told_version(), (MapVersion{1, 8})) << "of another cluster";
  EXPECT_TRUE(joiner->joins());
  joiner.restart();
  EXPECT_EQ(joiner->told_version(), MapVersion());
}

TEST_F(MembershipOfThree, AnOlderMapChangesNothing) {
  ASSERT_TRUE(first.form(spec));
  first.sync();
  const ClusterMap forming = *first->map();
  ASSERT_TRUE(first.all_hold(forming));
  first.sync();
  ASSERT_TRUE(first.offer(forming));
  EXPECT_FALSE(first.store.has_collected());
  EXPECT_TRUE(first->is_formed());
}

TEST_F(MembershipOfThree, TheGroupsComeIntoBeingInOneBatchWithTheFormedMap) {
  ASSERT_TRUE(first.form(spec));
  first.sync();
  EXPECT_FALSE(first.store.hard_state({0})->has_value());
  ASSERT_TRUE(first.all_hold(*first->map()));
  first.sync();
  for (std::uint32_t group = 0; group < 4; ++group) {
    EXPECT_TRUE(first.store.hard_state({group})->has_value()) << group;
    std::size_t entries = 0;
    EXPECT_TRUE(first.store.entries({group}, [&entries](LogIndex, const EntryHead&, std::string_view) -> Result<void> {
      ++entries;
      return {};
    }));
    EXPECT_EQ(entries, 1u) << group;
  }
  // A later map makes no group anew: its log has gone on.
  ClusterMap later = *first->map();
  ++later.version;
  MemoryLogStore& store = first.store;
  store.put_hard_state({0}, {9, 0});
  ASSERT_TRUE(first.offer(later));
  first.sync();
  EXPECT_EQ((*store.hard_state({0}))->term, 9u);
}

TEST_F(MembershipOfThree, AFolderStartedAtAnotherAddressIsDisplaced) {
  ASSERT_TRUE(first.form(spec));
  first.sync();
  const auto moved = Membership::load(first.store, "127.0.0.1:9999", [] { return 5; });
  ASSERT_TRUE(moved);
  ASSERT_TRUE(moved->displaced());
  EXPECT_THAT(*moved->displaced(), HasSubstr(first->address()));
  EXPECT_THAT(*moved->displaced(), HasSubstr(first->map()->cluster));
  first.restart();
  EXPECT_FALSE(first->displaced());
}

TEST_F(MembershipOfThree, DamagedRecordsAreRefused) {
  ASSERT_TRUE(first.form(spec));
  first.sync();
  const auto reload_with = [&](std::string_view key, std::string_view value) {
    first.store.put(key, value);
    first.store.start_write();
    EXPECT_TRUE(*first.store.finish_write());
    const auto loaded = Membership::load(first.store, first->address(), [] { return 5; });
    return loaded ? std::string("loaded") : loaded.error().message;
  };
  const ClusterMap map = *first->map();
  EXPECT_THAT(reload_with("M", "no map"), HasSubstr("damaged"));
  EXPECT_THAT(reload_with("M", pack(map)), HasSubstr("loaded"));
  EXPECT_THAT(reload_with("W", "short"), HasSubstr("broken"));
  EXPECT_THAT(reload_with("V", records::pack_number(2)), HasSubstr("format 2"));
}

}  // namespace
}  // namespace trellis
