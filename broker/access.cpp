#include "broker/access.hpp"

#include "protocol/notation/notation_text.hpp"

namespace trellis {
namespace {

/// Whoever holds the cluster's key is a member, and can do as any user does.
const std::shared_ptr<const Permissions>& permissions_of_member() {
  static const auto kAll =
      std::make_shared<const Permissions>("(the cluster's key)", AccessRecords().find_role(kAdminRole));
  return kAll;
}

}  // namespace

bool Access::on_news(std::uint64_t version, TimePoint now) {
  if (records_ != nullptr && version <= records_->version) return false;
  if (asked_at_ && now - *asked_at_ < kAskEvery) return false;
  asked_at_ = now;
  return true;
}

Result<void> Access::on_offer(std::string_view packed) {
  auto offered = read_access_records(packed);
  if (!offered) return offered.error();
  if (records_ != nullptr && offered->version <= records_->version) return {};
  records_ = std::make_shared<const AccessRecords>(std::move(*offered));
  if (!omitted_.changed_roles) permissions_.clear();
  asked_at_.reset();
  output_.on_users(*records_);
  return {};
}

Admission Access::admit(std::string_view public_key) const {
  if (records_ == nullptr) return {Admission::Verdict::kNotYet, 0};
  const User* const user = records_->find_key(public_key);
  if (user == nullptr) return {Admission::Verdict::kRefused, 0};
  return {Admission::Verdict::kLetIn, user->number};
}

Access::Pointer Access::permissions_of(const User& user) {
  Pointer& known = permissions_[user.number];
  if (known == nullptr) known = std::make_shared<const Permissions>(user.name, records_->find_role(user.role));
  return known;
}

Result<Access::Pointer> Access::spoken_for(const Options& options) {
  if (records_ == nullptr) return Error{Code::kUnavailable, "this broker knows no users yet; ask again"};
  const User* const user =
      options.as_token ? records_->find_token(*options.as, output_.unix_time()) : records_->find_user(*options.as);
  if (user != nullptr) return permissions_of(*user);
  return Error{Code::kUnauthenticated, options.as_token ? "nobody has this token, or its time is over"
                                                        : "there is no user " + quoted_excerpt(*options.as)};
}

Result<Access::Pointer> Access::permissions_of(const Asker& asker, const Options& options) {
  if (asker.is_anybody()) {
    if (!options.as) return Pointer();
    return Error{Code::kPermissionDenied, "option as: this frontend has no keys, and so no users to speak for"};
  }
  Pointer own;
  if (asker.is_member()) {
    own = permissions_of_member();
  } else {
    const User* const user = records_ == nullptr ? nullptr : records_->find_number(asker.user);
    if (user == nullptr) return Error{Code::kUnauthenticated, "the user of this connection was removed"};
    own = permissions_of(*user);
  }
  if (!options.as) return own;
  if (!own->may_speak_for()) {
    return Error{Code::kPermissionDenied,
                 "option as: user " + own->user() + " has no right to speak for others (speak_for)"};
  }
  return spoken_for(options);
}

std::string Access::name_of(const Asker& asker) const {
  if (asker.is_anybody()) return "";
  if (asker.is_member()) return permissions_of_member()->user();
  const User* const user = records_ == nullptr ? nullptr : records_->find_number(asker.user);
  return user == nullptr ? "(removed)" : user->name;
}

}  // namespace trellis
