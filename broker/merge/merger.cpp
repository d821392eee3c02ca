#include "broker/merge/merger.hpp"

namespace trellis {

MergedAnswer answer_of(Error error) {
  MergedAnswer answer;
  answer.status = error.code;
  answer.info.message = std::move(error.message);
  return answer;
}

}  // namespace trellis
