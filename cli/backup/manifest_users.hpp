// Users and roles as the manifest of a backup has them.
//
//   {"roles": [{"name": "analysts", "rules": [{"prefix": "reports:", "allow": ["read"]}], "cluster": null,
//               "speak_for": false}],
//    "users": [{"name": "ada", "key": "64 hex digits", "role": "analysts",
//               "tokens": [{"hash": "64 hex digits", "ends_at": 1790000000}]}]}
//
// A prefix that is no UTF-8 stands as "prefix_hex", in hex digits.  There is nothing secret in it: of keys there is the
// public one, of tokens the SHA-256.
// Pure.
#pragma once

#include "cli/backup/json_fields.hpp"
#include "protocol/access/access_records.hpp"
#include "protocol/result.hpp"

namespace trellis {

Json to_json(const AccessRecords& users);

/// As version 1 of records whose users have new numbers.  Error: kInvalidArgument.
Result<AccessRecords> read_users(const Json& json);

}  // namespace trellis
