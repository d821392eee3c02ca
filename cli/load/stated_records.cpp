#include "cli/load/stated_records.hpp"

#include <algorithm>
#include <vector>

namespace trellis {
namespace {

/// Notes the keys of the records that pass.
class KeyNotes final : public RecordTarget {
 public:
  explicit KeyNotes(RecordTarget& target) : target_(target) {}
  std::string& on_key(std::string_view key) override {
    keys.emplace_back(key);
    return target_.on_key(key);
  }
  std::vector<std::string> keys;

 private:
  RecordTarget& target_;
};

bool is_object(std::string_view piece) {
  std::size_t begin = 0;
  skip_space(piece, begin);
  return piece.substr(begin).starts_with('{');
}

std::string advice(const std::string& first, const std::string& second) {
  return "its objects have the same fields (" + print_key(first) + ", " + print_key(second) +
         ", ...), so each seems to be one record, and none says its key: name the field that is the key, as with "
         "--key-field " +
         print_key(first) +
         ", or take the position with --key-line; --many-records-a-line if each field is a record of its own";
}

}  // namespace

std::optional<ParseError> StatedRecords::read(std::string_view piece, RecordTarget& target) {
  if (watched_ == kWatchedMax) return parser_.read(piece, target);
  ++watched_;
  return is_object(piece) ? read_watched(piece, target) : parser_.read(piece, target);
}

std::optional<ParseError> StatedRecords::read_watched(std::string_view piece, RecordTarget& target) {
  KeyNotes notes(target);
  if (auto wrong = parser_.read(piece, notes)) return wrong;
  const std::vector<std::string>& keys = notes.keys;
  if (keys.size() < 2) return std::nullopt;
  const auto again = std::find_if(keys.begin(), keys.end(), [this](const auto& key) { return names_.contains(key); });
  if (again != keys.end()) refuse(advice(keys[0], keys[1]));
  names_.insert(keys.begin(), keys.end());
  return std::nullopt;
}

}  // namespace trellis
