// Every limit of the contract, in one place.  Documented in docs/protocol.md and tested at the edge.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace trellis {

constexpr std::size_t kKeySizeMax = 4096;           ///< Bytes; a key has at least 1.
constexpr std::size_t kDocumentSizeMax = 16 << 20;  ///< Bytes, packed.
constexpr int kNestingMax = 128;                    ///< Arrays and maps inside one another.
constexpr std::size_t kBatchItemsMax = 10'000;
constexpr std::size_t kPatchOperationsMax = 1'000;
constexpr std::uint64_t kPatchWalkMax = 64 << 20;  ///< Bytes that one PATCH walks and copies, named places counted.
constexpr std::size_t kPageKeysMax = 10'000;
constexpr std::size_t kPageKeysDefault = 1'000;
constexpr std::size_t kPageSizeMax = 16 << 20;    ///< Bytes; a page ends at the first record beyond.
constexpr std::size_t kExpressionSizeMax = 4096;  ///< Bytes.
constexpr int kExpressionNestingMax = 64;
constexpr std::size_t kRequestSizeMax = 64 << 20;  ///< Bytes; a larger frame closes the connection.
constexpr std::size_t kSessionSizeMax = 64;        ///< Bytes; a session has at least 1.
constexpr std::uint32_t kPartitionsMax = 1024;     ///< A power of two.
constexpr std::uint32_t kPartitionsDefault = 16;
constexpr std::size_t kWorkersMax = 256;
constexpr std::uint32_t kMovesMax = 16;  ///< Replicas that a worker sends, and receives, at a time; at least 1.
constexpr std::uint32_t kMovesDefault = 2;
constexpr std::uint64_t kMoveRateMin = 64 << 10;  ///< Bytes a second that a worker sends for them; 0: no limit.
constexpr std::uint64_t kMoveRateMax = std::uint64_t{1} << 40;
/// How long a member is silent before its replicas are made anew elsewhere; 0: they are not.
constexpr std::chrono::milliseconds kRepairAfterDefault{600'000};
constexpr std::chrono::milliseconds kRepairAfterMin{3'000};
constexpr std::chrono::milliseconds kRepairAfterMax{std::int64_t{30} * 24 * 3600 * 1000};
/// A recovery leaves nobody behind who was heard more lately.
constexpr std::chrono::milliseconds kRecoverySilence{30'000};
constexpr std::size_t kRequestsUnderWayMax = 65'536;      ///< Per client.
constexpr std::size_t kRepliesWaitingMax = 65'536;        ///< Per client that does not read.
constexpr std::size_t kRepliesWaitingSizeMax = 64 << 20;  ///< Bytes, per client that does not read.
constexpr std::size_t kRememberedWritesMin = 100'000;     ///< Per partition.
constexpr std::size_t kSessionsWithFloorsMin = 100'000;   ///< Whose floors are kept, per partition.

constexpr std::chrono::milliseconds kTtlMax{std::int64_t{10} * 365 * 24 * 3600 * 1000};  ///< How long a document stays.
constexpr std::chrono::milliseconds kTimeoutDefault{5'000};
constexpr std::chrono::milliseconds kTimeoutMax{600'000};
constexpr std::chrono::milliseconds kHeartbeatInterval{100};
constexpr std::chrono::milliseconds kSuspectAfter{500};
constexpr std::chrono::milliseconds kDownAfter{1'500};
constexpr std::chrono::milliseconds kBrokerWarmUp{2'000};  ///< A new broker calls nothing unavailable before.

}  // namespace trellis
