// What people type who come from elsewhere, and what it is called here.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace trellis {

/// What to do instead of `word`, a command that Trellis does not have, as a sentence's end ("DELETE KEY removes a
/// record").  Nothing for words that nobody is known to type.
std::optional<std::string_view> meaning_of(std::string_view word);

/// The sentence about an unknown command: its meaning where it has one, else the nearest command, else HELP alone.  A
/// command that writes is never proposed for a word that is more than one slip away from it.
std::string advice_on(std::string_view word);

}  // namespace trellis
