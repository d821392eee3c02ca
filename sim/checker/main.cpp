// trellis-check FILE: checks a history in text form (sim/checker/history.hpp).  Exit 0: right, 1: wrong, 2: no verdict,
// since the file cannot be read or a key is too hard to check.
#include <cstring>
#include <fstream>
#include <iostream>

#include "sim/checker/checker.hpp"

int main(int argc, char** argv) {
  if (argc != 2 || std::strcmp(argv[1], "--help") == 0) {
    std::cerr
        << "usage: trellis-check FILE   (- for standard input; the form is described in sim/checker/history.hpp)\n";
    return argc == 2 ? 0 : 2;
  }
  std::ifstream file;
  const bool is_standard_input = std::strcmp(argv[1], "-") == 0;
  if (!is_standard_input) file.open(argv[1], std::ios::binary);
  if (!is_standard_input && !file) {
    std::cerr << argv[1] << ": cannot be opened: " << std::strerror(errno) << '\n';
    return 2;
  }
  const trellis::Result<trellis::sim::History> history =
      trellis::sim::read_history(is_standard_input ? std::cin : file);
  if (!history) {
    std::cerr << argv[1] << ": " << history.error().message << '\n';
    return 2;
  }
  const trellis::sim::Verdict verdict = trellis::sim::check(*history);
  std::cout << to_text(verdict, *history);
  if (verdict.is_right()) return 0;
  return verdict.violations.empty() ? 2 : 1;
}
