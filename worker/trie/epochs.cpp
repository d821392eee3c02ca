#include "worker/trie/epochs.hpp"

#include "protocol/check.hpp"

namespace trellis::trie {

void Epochs::pin(Epoch epoch) {
  const std::lock_guard lock(mutex_);
  CHECK(pinned_.empty() || pinned_.rbegin()->first < epoch);
  pinned_.try_emplace(pinned_.end(), epoch);
  newest_.store(epoch, std::memory_order_release);
}

void Epochs::release(Epoch epoch) {
  Waiting garbage;
  {
    const std::lock_guard lock(mutex_);
    const auto released = pinned_.find(epoch);
    CHECK(released != pinned_.end());
    Waiting waiting = std::move(released->second);
    const auto later = pinned_.erase(released);
    if (later == pinned_.begin()) {
      garbage = std::move(waiting);
    } else {
      auto& [older, heir] = *std::prev(later);
      for (const Retired& retired : waiting) {
        if (retired.epoch <= older) {
          heir.push_back(retired);
        } else if (retired.whole) {
          sweep(retired.ref, older, &heir);
        } else {
          garbage.push_back(retired);
        }
      }
    }
    newest_.store(pinned_.empty() ? kNone : pinned_.rbegin()->first, std::memory_order_release);
  }
  for (const Retired& retired : garbage) free(retired);
}

void Epochs::retire(Ref one) {
  const Retired retired{one, one.epoch(), false};
  {
    const std::lock_guard lock(mutex_);
    if (!pinned_.empty() && retired.epoch <= pinned_.rbegin()->first) {
      pinned_.rbegin()->second.push_back(retired);
      return;
    }
  }
  free(retired);
}

void Epochs::retire_whole(Ref root) {
  {
    const std::lock_guard lock(mutex_);
    if (!pinned_.empty()) return sweep(root, pinned_.rbegin()->first, &pinned_.rbegin()->second);
  }
  sweep(root, kNone, nullptr);
}

void Epochs::free(const Retired& retired) {
  if (retired.whole) {
    sweep(retired.ref, kNone, nullptr);
  } else if (retired.ref.is_leaf()) {
    Leaf::destroy(retired.ref.leaf());
  } else {
    Node::destroy(retired.ref.node());
  }
}

/// Frees what hangs below `root` and is younger than `seen_until`; what is not goes to `seen`, with all below it: no
/// node was changed after a pinned epoch saw it, so it sees all that hangs below. Paths may be as deep as keys are
/// long, so there is no recursion: the nodes to visit form a list through `keys`, which nobody needs any more.
void Epochs::sweep(Ref root, Epoch seen_until, Waiting* seen) {
  Node* first = nullptr;
  const auto visit = [&](Ref ref) {
    if (ref.epoch() <= seen_until) {
      seen->push_back({ref, ref.epoch(), true});
    } else if (ref.is_leaf()) {
      Leaf::destroy(ref.leaf());
    } else {
      ref.node()->keys = reinterpret_cast<std::uintptr_t>(first);
      first = ref.node();
    }
  };
  visit(root);
  while (first != nullptr) {
    Node* node = first;
    // The number was this pointer.  NOLINTNEXTLINE(performance-no-int-to-ptr)
    first = reinterpret_cast<Node*>(static_cast<std::uintptr_t>(node->keys));
    if (node->value != nullptr) visit(node->value);
    int place = Node::kBeforeFirst;
    while (const Ref child = node->next(place)) visit(child);
    Node::destroy(node);
  }
}

}  // namespace trellis::trie
