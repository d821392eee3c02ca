#include "gateway/console.hpp"

#include "gateway/answer.hpp"
#include "protocol/json.hpp"

namespace trellis {

ConsoleRun::ConsoleRun(std::string line, bool all) : line_(std::move(line)), all_(all) {
  auto statement = parse_statement(line_);
  if (!statement) {
    take(print_error(statement.error(), false));
    code_ = exit_code_of(statement.error().code);
    return;
  }
  statement_ = std::move(*statement);
  printer_.emplace(statement_, false);
  switch (statement_.kind) {
    case Statement::Kind::kRequest: next_ = statement_.arguments; return;
    case Statement::Kind::kExit: out_ = "EXIT ends the shell; this console ends with its page\n"; return;
    default: take(printer_->on_local()); code_ = printer_->exit_code();
  }
}

void ConsoleRun::take(const Printed& printed) {
  out_ += printed.out;
  err_ += printed.err;
}

void ConsoleRun::on_reply(const Reply& reply) {
  take(printer_->on_reply(reply));
  code_ = printer_->exit_code();
  next_ = printer_->next_page();
  more_ = next_.has_value();
  if (!all_ || out_.size() >= kConsoleTextMax) next_.reset();
}

HttpResponse ConsoleRun::response() const {
  HttpResponse response;
  response.content_type = content_type_of(Format::kJson);
  response.body = "{\"out\": " + json_string(out_) + ", \"err\": " + json_string(err_) +
                  ", \"code\": " + std::to_string(code_) + ", \"more\": " + (more_ ? "true" : "false") + "}\n";
  return response;
}

}  // namespace trellis
