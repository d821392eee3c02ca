// The pages of docs/, for tests that hold their tables against the code.
#pragma once

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace trellis {

/// The text of docs/`name`; empty where there is none.
inline std::string doc_page(const std::string& name) {
  std::ifstream file(std::string(TRELLIS_SOURCE_DIR) + "/docs/" + name);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// The cells of a line of a table; a | in a cell is written \|.
inline std::vector<std::string> cells_of(std::string_view line) {
  std::vector<std::string> cells;
  std::string cell;
  for (std::size_t i = 1; i < line.size(); ++i) {
    if (line[i] != '|' || line[i - 1] == '\\') {
      cell += line[i];
      continue;
    }
    const std::size_t first = std::min(cell.find_first_not_of(' '), cell.size());
    cell.erase(cell.find_last_not_of(' ') + 1);
    cells.push_back(cell.empty() ? cell : cell.substr(first));
    cell.clear();
  }
  return cells;
}

/// The rows, without the heads, of the first table below the line `heading`.
inline std::vector<std::vector<std::string>> table_below(const std::string& page, std::string_view heading) {
  std::vector<std::vector<std::string>> rows;
  std::istringstream lines(page);
  std::string line;
  while (std::getline(lines, line) && line != heading) continue;
  while (std::getline(lines, line) && !line.starts_with('|')) continue;
  std::getline(lines, line);  // | --- |
  while (std::getline(lines, line) && line.starts_with('|')) rows.push_back(cells_of(line));
  return rows;
}

/// What stands in backticks in a cell.
inline std::vector<std::string> code_in(const std::string& cell) {
  std::vector<std::string> spans;
  for (std::size_t begin = cell.find('`'); begin != std::string::npos; begin = cell.find('`', begin)) {
    const std::size_t end = std::min(cell.find('`', begin + 1), cell.size());
    spans.push_back(cell.substr(begin + 1, end - begin - 1));
    begin = std::min(end + 1, cell.size());
  }
  return spans;
}

}  // namespace trellis
