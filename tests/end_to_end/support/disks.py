"""Disks that a test can fill, make read-only and damage: a tmpfs on a worker's folder, in a mount namespace of its own."""
import os
import struct
import subprocess

from . import namespaces


def can_mount():
    """Moves this process into a mount namespace of its own; False where that is not allowed."""
    try:
        namespaces.unshare(namespaces.NEW_MOUNTS)
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


class SmallDisk:
    """A tmpfs of `size` bytes on `folder`."""

    def __init__(self, folder, size):
        self.folder = folder
        folder.mkdir(exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder], check=True)

    def remount(self, options):
        subprocess.run(["mount", "-o", f"remount,{options}", self.folder], check=True)

    def grow(self, size):
        self.remount(f"size={size}")

    def shrink_to_what_is_used(self, left=0):
        """Full, but for `left` bytes."""
        state = os.statvfs(self.folder)
        used = (state.f_blocks - state.f_bfree) * state.f_frsize
        self.grow(used + left)

    def unmount(self):
        subprocess.run(["umount", "-l", self.folder], check=False)


def written_segments(data):
    """The files in which a worker that is down has written its log, the oldest first: docs/log.md."""
    def first_batch(path):
        with open(path, "rb") as file:
            return struct.unpack("<Q", file.read(16)[8:])[0]
    return sorted((path for path in data.glob("log/*.log") if first_batch(path) > 0), key=first_batch)


def newest_segment(data):
    """The file to which a worker that is down wrote its log last, and how many bytes of it."""
    newest = written_segments(data)[-1]
    bytes_of_it = newest.read_bytes()
    used = 0
    for block in range(0, len(bytes_of_it), 4096):
        # All sectors of a batch name the incarnation of the first one; what lies behind is zeros, or of an earlier use.
        if bytes_of_it[block + 496:block + 504] == bytes_of_it[496:504]:
            used = block + 4096
    return newest, used


def newest_record(segment, used, name):
    """Where the value of a named record begins that was put last: docs/log.md, Records."""
    head = bytes([5]) + struct.pack("<I", len(name)) + name
    return segment.read_bytes().rindex(head, 0, used) + len(head) + 4


def is_confirmed(data):
    """Whether the log's last batch holds nothing: it says that the one before it was durable."""
    segment, used = newest_segment(data)
    size, = struct.unpack("<I", segment.read_bytes()[used - 4096:][4:8])
    return size == 0


def flip_bit(path, byte, bit=3):
    """Turns one bit of a file over."""
    with open(path, "r+b") as file:
        file.seek(byte)
        old = file.read(1)[0]
        file.seek(byte)
        file.write(bytes([old ^ (1 << bit)]))
