#include "broker/merger.hpp"

namespace trellis {

Answer answer_of(Error error) {
  Answer answer;
  answer.status = error.code;
  answer.info.message = std::move(error.message);
  return answer;
}

}  // namespace trellis
