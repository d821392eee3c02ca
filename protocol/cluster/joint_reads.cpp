#include "protocol/cluster/joint_reads.hpp"

#include "protocol/cluster/bundle.hpp"
#include "protocol/limits.hpp"

namespace trellis {
namespace {

constexpr std::size_t kPartSize = 16;
constexpr std::size_t kTermSize = 16;

Error bad(const char* what) { return {Code::kInvalidArgument, std::string("a broken ") + what}; }

}  // namespace

std::string pack_joint_reads(std::span<const JointPart> parts, std::string_view items) {
  std::string body;
  body.reserve(sizeof(std::uint32_t) + kPartSize * parts.size() + items.size());
  FieldWriter fields(body);
  fields.u32(static_cast<std::uint32_t>(parts.size()));
  for (const JointPart& part : parts) {
    fields.u32(part.partition.value).u64(part.configuration.value).u32(part.items);
  }
  fields.raw(items);
  return body;
}

Result<JointReads> read_joint_reads(std::string_view body) {
  FieldReader fields(body);
  const std::uint32_t count = fields.u32();
  JointReads reads;
  if (count == 0 || count > kPartitionsMax || count > fields.rest().size() / kPartSize) return bad("request of reads");
  std::uint64_t items = 0;
  reads.parts.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    const JointPart part{{fields.u32()}, {fields.u64()}, fields.u32()};
    if (part.partition.value >= kPartitionsMax) return bad("request of reads");
    reads.parts.push_back(part);
    items += part.items;
  }
  reads.items = fields.rest();
  const bool is_too_much = items > kBatchItemsMax || reads.items.size() > kJointReadsBytesMax;
  if (!fields.ok() || is_too_much) return bad("request of reads");
  return reads;
}

std::string pack_joint_terms(std::span<const JointTerm> terms) {
  std::string packed;
  FieldWriter fields(packed);
  fields.u32(static_cast<std::uint32_t>(terms.size()));
  for (const JointTerm& each : terms) fields.u64(each.term.value).u64(each.configuration.value);
  return packed;
}

Result<JointAnswers> read_joint_answers(std::string_view body) {
  FieldReader fields(body);
  const std::uint32_t count = fields.u32();
  JointAnswers answers;
  if (!fields.ok() || count > kPartitionsMax || count > fields.rest().size() / kTermSize) return bad("reply to reads");
  answers.terms.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) answers.terms.push_back({{fields.u64()}, {fields.u64()}});
  answers.outcomes = fields.rest();
  return answers;
}

}  // namespace trellis
