"""A user's key: with it a client shows who it is, and knows the cluster that it speaks to.

A file of lines `server = KEY`, `public = KEY` and `secret = KEY`, 40 characters each (Z85); `trellis user add` makes it.
"""
from __future__ import annotations

import dataclasses
import os
import stat

NO_USER = "none"
"""The word that stands for no key where a file's name is asked for."""
_FILE_SIZE_MAX = 16 << 10
_KEY_SIZE = 40


class UserKeyError(ValueError):
    """The file of a user's key cannot be used; the message says why."""


@dataclasses.dataclass(frozen=True, slots=True)
class UserKey:
    server: bytes
    public: bytes
    secret: bytes


def load_user_key(path: str) -> UserKey:
    """Reads a key file; one that others can read is refused."""
    try:
        with open(path, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read(_FILE_SIZE_MAX).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise UserKeyError(f"cannot read the user's key {path}: {error}") from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UserKeyError(f"{path}: others can read it; it is a secret: chmod 600 {path}")
    keys: dict[str, bytes] = {}
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        name, _, value = (part.strip() for part in line.partition("="))
        if name not in ("server", "public", "secret", "administrator") or len(value) != _KEY_SIZE or not value.isascii():
            raise UserKeyError(f"{path}:{number}: it should be `server`, `public` or `secret` = a key of {_KEY_SIZE} characters")
        keys[name] = value.encode()
    if "administrator" in keys and "server" not in keys:  # A cluster's own key stands for a member.
        keys["server"] = keys.get("public", b"")
    if not {"server", "public", "secret"} <= keys.keys():
        raise UserKeyError(f"{path}: lines `server = KEY`, `public = KEY` and `secret = KEY` are needed")
    return UserKey(keys["server"], keys["public"], keys["secret"])


def find_user_key(chosen: str | None) -> UserKey | None:
    """The key of the file that was chosen, of TRELLIS_USER, or of ~/.config/trellis/user where that is there."""
    path = chosen or os.environ.get("TRELLIS_USER", "")
    if path == NO_USER:
        return None
    if not path:
        settings = os.environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")
        path = os.path.join(settings, "trellis", "user")
        if not os.path.exists(path):
            return None
    return load_user_key(path)
