// Where the document of a one-shot PUT or SET comes from: the words, standard input (-), or a file (@FILE).
#pragma once

#include <string>
#include <vector>

#include "protocol/result.hpp"

namespace trellis {

/// Replaces the document of `put KEY -` and `put KEY @FILE` by what is read there, without the line's end behind it.
/// Other words stay as they are; in quotes, '"-"' and '"@x"' are texts.
/// Errors: a file that cannot be read, or has more bytes than a request may have.
Result<std::vector<std::string>> read_document_source(std::vector<std::string> words);

}  // namespace trellis
