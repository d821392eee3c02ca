#include "client/statement/report_text.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <vector>

#include "protocol/json.hpp"
#include "protocol/notation/notation.hpp"
#include "protocol/packed.hpp"
#include "protocol/reports.hpp"
#include "protocol/utf8.hpp"

namespace trellis {

std::string one_line(std::string_view text) {
  const auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
  if (is_utf8(text) && std::none_of(text.begin(), text.end(), is_control)) return std::string(text);
  const std::string quoted = json_string(text);
  return quoted.substr(1, quoted.size() - 2);
}

std::string size_text(std::optional<std::uint64_t> bytes) {
  if (!bytes) return "-";
  if (*bytes < 1024) return std::to_string(*bytes) + " B";
  constexpr std::array kUnits = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double size = static_cast<double>(*bytes) / 1024;
  std::size_t unit = 0;
  while (size >= 1023.95 && unit + 1 < kUnits.size()) {
    size /= 1024;
    ++unit;
  }
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), "%.1f %s", size, kUnits[unit]);
  return text.data();
}

std::string duration_text(std::uint64_t milliseconds) {
  if (milliseconds < 1000) return std::to_string(milliseconds) + " ms";
  const std::uint64_t seconds = milliseconds / 1000;
  if (seconds < 10) return std::to_string(seconds) + "." + std::to_string(milliseconds / 100 % 10) + " s";
  if (seconds < 120) return std::to_string(seconds) + " s";
  if (seconds < 7200) return std::to_string(seconds / 60) + " min";
  return std::to_string(seconds / 3600) + " h";
}

namespace {

std::string count_text(std::optional<std::uint64_t> count) { return count ? std::to_string(*count) : "-"; }

std::string ago_text(std::optional<std::uint64_t> milliseconds) {
  return milliseconds ? duration_text(*milliseconds) + " ago" : "-";
}

/// Rows of equally many cells, the first one the heading, in columns two blanks apart.
std::string table(const std::vector<std::vector<std::string>>& rows, std::size_t first_right_aligned) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - row[i].size(), ' ');
      if (i > 0) line += "  ";
      line += i < first_right_aligned ? row[i] + padding : padding + row[i];
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

/// leaving, 5 moves left
std::string membership_text(const MemberReport& member) {
  if (!member.membership) return "-";
  const std::uint64_t left = member.moves_left.value_or(0);
  if (left == 0) return one_line(*member.membership);
  return one_line(*member.membership) + ", " + std::to_string(left) + (left == 1 ? " move left" : " moves left");
}

}  // namespace

std::optional<std::string> members_text(std::string_view result) {
  const auto members = read_member_reports(result);
  if (!members) return std::nullopt;
  std::vector<std::vector<std::string>> rows = {
      {"id", "address", "zone", "state", "membership", "last heartbeat", "partitions", "leads", "keys", "size"}};
  for (const MemberReport& member : *members) {
    rows.push_back({one_line(member.id), one_line(member.address), one_line(member.zone.value_or("-")),
                    one_line(member.state), membership_text(member), ago_text(member.last_heartbeat_ms),
                    count_text(member.partitions), count_text(member.leads), count_text(member.keys),
                    size_text(member.bytes)});
  }
  return table(rows, 5);
}

/// partition 7, leader 127.0.0.1:9002, replicas 127.0.0.1:9001 127.0.0.1:9002 127.0.0.1:9003
std::optional<std::string> location_text(std::string_view result) {
  const auto location = read_location_report(result);
  if (!location || location->replicas.empty()) return std::nullopt;
  const auto address = [&location](std::string_view id) { return one_line(location->address_of(id)); };
  std::string out = "partition " + std::to_string(location->partition) + ", leader " +
                    (location->leader ? address(*location->leader) : "none") + ", replicas";
  for (const std::string& id : location->replicas) out += " " + address(id);
  return out + "\n";
}

/// All that the broker tells, also what this client has never heard of.
std::optional<std::string> status_text(std::string_view result) {
  PackedReader reader(result);
  const auto count = reader.read_map();
  if (!count) return std::nullopt;
  std::string out;
  for (std::uint32_t left = *count; left > 0; --left) {
    const auto name = reader.read_bytes();
    const auto value = reader.read_value();
    if (!name || !value) break;
    const auto text = PackedReader(*value).read_str();
    out.append(one_line(*name)).append(": ").append(text ? one_line(*text) : print_value(*value)).append("\n");
  }
  return out;
}

/// partition 7: 127.0.0.1:9001 -> 127.0.0.1:9004, sending, 12.0 MiB of 40.0 MiB, 8.0 MiB/s, 4 s left
///   why it waits, or what failed last
std::optional<std::string> moves_text(std::string_view result) {
  const auto moves = read_move_reports(result);
  if (!moves) return std::nullopt;
  if (moves->empty()) return "nothing moves\n";
  std::string out;
  for (const MoveReport& move : *moves) {
    out += "partition " + std::to_string(move.partition) + ": " + one_line(move.from.value_or("-")) + " -> " +
           one_line(move.to.value_or("-")) + ", " + one_line(move.step);
    if (move.to && move.step != "removing") out += ", " + size_text(move.sent) + " of " + size_text(move.bytes);
    if (move.rate != 0) out += ", " + size_text(move.rate) + "/s";
    if (move.time_left_ms) out += ", " + duration_text(*move.time_left_ms) + " left";
    out += "\n";
    if (!move.note.empty()) out += "  " + one_line(move.note) + "\n";
  }
  return out;
}

std::optional<std::string> recovery_text(std::string_view result) {
  const auto recovery = read_recovery_report(result);
  if (!recovery) return std::nullopt;
  std::string lost;
  for (const std::string& address : recovery->lost) lost += " " + one_line(address);
  std::string out = "cluster " + one_line(recovery->cluster) + ", epoch " + std::to_string(recovery->epoch) +
                    "\nleft behind:" + lost +
                    "\npartitions with a majority, which lose nothing: " + std::to_string(recovery->whole) + "\n";
  for (const RecoveryReport::Partition& each : recovery->partitions) {
    out += "partition " + std::to_string(each.partition) + ": begins anew on " + one_line(each.worker);
    if (each.replicas > 0) {
      out += " with entry " + std::to_string(each.entries) + ", of " + std::to_string(each.replicas) +
             (each.replicas == 1 ? " replica left" : " replicas left");
    }
    out += "; " + one_line(each.note) + "\n";
  }
  return out + (recovery->done ? "the cluster is recovered\n" : "this is the plan: nothing has changed\n");
}

std::optional<std::string> plan_text(std::string_view result) {
  const auto plan = read_plan_report(result);
  if (!plan) return std::nullopt;
  const auto count = [](std::uint64_t value) { return std::to_string(value); };
  std::string out = "replicas to move: " + count(plan->replicas) + ", " + size_text(plan->bytes) +
                    "\nfailures tolerated: " + count(plan->tolerates_before) + " now, " +
                    count(plan->tolerates_during) + " on the way, " + count(plan->tolerates_after) + " afterwards\n";
  std::vector<std::vector<std::string>> rows = {{"address", "replicas", "then", "size", "then", "memory", "then"}};
  for (const PlanReport::Worker& worker : plan->workers) {
    rows.push_back({one_line(worker.address), count(worker.replicas_before), count(worker.replicas_after),
                    size_text(worker.bytes_before), size_text(worker.bytes_after), size_text(worker.memory_before),
                    size_text(worker.memory_after)});
  }
  out += table(rows, 1);
  for (const PlanReport::Transfer& transfer : plan->transfers) {
    out += "partition " + count(transfer.partition) + ": " + one_line(transfer.from.value_or("-")) + " -> " +
           one_line(transfer.to.value_or("-")) + ", " + size_text(transfer.bytes) + "\n";
  }
  return out + "nothing was changed\n";
}

}  // namespace trellis
