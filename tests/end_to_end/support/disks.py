"""Disks that a test can fill, make read-only and damage: a tmpfs on a worker's folder, in a mount namespace of its own."""
import os
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


def flip_bit(path, byte, bit=3):
    """Turns one bit of a file over."""
    with open(path, "r+b") as file:
        file.seek(byte)
        old = file.read(1)[0]
        file.seek(byte)
        file.write(bytes([old ^ (1 << bit)]))
