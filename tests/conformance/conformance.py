"""The Python library against requests.jsonl: conformance.py REQUESTS BROKER... asks for all of it, round after round, until
its standard input ends. It prints the number of rounds; what differs goes to standard error, and the exit code is 1."""
import base64
import json
import pathlib
import secrets
import select
import sys

from trellis import Client, TrellisError


def read_value(value, prefix):
    """The value that stands for this one of the file."""
    if isinstance(value, str):
        return prefix + value[1:] if value.startswith("~") else value
    if isinstance(value, list):
        return [read_value(element, prefix) for element in value]
    if isinstance(value, dict) and list(value) == ["$binary"]:
        return base64.b64decode(value["$binary"])
    if isinstance(value, dict):
        return {key: read_value(held, prefix) for key, held in value.items()}
    return value


def matches(expected, seen):
    """Whether they are equal in type and value, or the file leaves it open."""
    if expected == "$version":
        return type(seen) is int and seen > 0
    if expected == "$text":
        return isinstance(seen, str) and seen != ""
    if type(expected) is not type(seen):
        return False
    if isinstance(expected, list):
        return len(expected) == len(seen) and all(map(matches, expected, seen))
    if isinstance(expected, dict):
        return list(expected) == list(seen) and all(map(matches, expected.values(), seen.values()))
    return expected == seen


class Round:
    def __init__(self, client):
        self._client = client
        self._prefix = f"conformance:{secrets.token_hex(8)}:"
        self._version = None

    def ask(self, line):
        """What differs from the line, or None."""
        options = {name: self._version if value == "$version" else read_value(value, self._prefix)
                   for name, value in line.get("options", {}).items()}
        arguments = read_value(line["arguments"], self._prefix)
        status = line.get("status", "OK")
        try:
            answer = self._client.call(line["command"], *arguments, **options)
        except TrellisError as error:
            if (error.status, error.info.get("exactly_once", "")) == (status, line.get("exactly_once", "")) and str(error):
                return None
            return f"{error.status}: {error}"
        self._version = answer.version or self._version
        info = dict(answer.info)
        if status == "OK" and matches(read_value(line["result"], self._prefix), answer.result) and matches(line.get("info", {}), info):
            return None
        return f"{answer.result!r} {info}"


def main(requests, *brokers):
    lines = [json.loads(line) for line in pathlib.Path(requests).read_text(encoding="utf-8").splitlines() if line]
    lines = [line for line in lines if "command" in line]
    rounds = faults = 0
    with Client(*brokers, timeout_ms=30_000) as client:
        while not select.select([sys.stdin], [], [], 0)[0]:
            this = Round(client)
            for line in lines:
                if differs := this.ask(line):
                    print(f"round {rounds}: {json.dumps(line)}\n  was answered {differs}", file=sys.stderr)
                    faults += 1
            rounds += 1
    print(rounds)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
