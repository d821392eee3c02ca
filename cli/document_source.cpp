#include "cli/document_source.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "client/statement/statement_form.hpp"
#include "protocol/limits.hpp"

namespace trellis {
namespace {

struct Close {
  void operator()(std::FILE* file) const {
    if (file != stdin) std::fclose(file);
  }
};

Result<std::string> read_whole(const std::string& path) {
  const bool is_input = path == "-";
  const std::string name = is_input ? "standard input" : path;
  const std::unique_ptr<std::FILE, Close> file(is_input ? stdin : std::fopen(path.c_str(), "rb"));
  if (!file) return Error{Code::kNotFound, "cannot read " + name + ": " + std::strerror(errno)};
  std::string text;
  std::array<char, 1 << 16> buffer;
  for (std::size_t got = 1; got > 0;) {
    got = std::fread(buffer.data(), 1, buffer.size(), file.get());
    text.append(buffer.data(), got);
    if (text.size() > kRequestSizeMax) {
      return invalid_argument(name + " has more than the " + std::to_string(kRequestSizeMax) +
                              " bytes of a request; `trellis load` takes files of many records");
    }
  }
  if (std::ferror(file.get()) != 0) return Error{Code::kNotFound, "cannot read " + name + ": " + std::strerror(errno)};
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  return text;
}

bool takes_document(const std::string& command) { return same_word(command, "PUT") || same_word(command, "SET"); }

}  // namespace

Result<std::vector<std::string>> read_document_source(std::vector<std::string> words) {
  std::vector<std::size_t> operands;  // The command, the key, the document.
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--if-version" || words[i] == "--timeout") {
      ++i;
    } else if (!words[i].starts_with("--")) {
      operands.push_back(i);
    }
  }
  if (operands.size() != 3 || !takes_document(words[operands[0]])) return words;
  std::string& document = words[operands[2]];
  if (document != "-" && (!document.starts_with('@') || document.size() == 1)) return words;
  auto text = read_whole(document == "-" ? document : document.substr(1));
  if (!text && document != "-") {
    return Error{text.error().code, text.error().message + "; a text that begins with @ stands in quotes, '\"" +
                                        document.substr(0, 64) + "\"'"};
  }
  if (!text) return text.error();
  if (text->empty()) {
    return invalid_argument((document == "-" ? "standard input" : document.substr(1)) +
                            " is empty, and nothing was stored; the empty text is '\"\"'");
  }
  document = std::move(*text);
  return words;
}

}  // namespace trellis
