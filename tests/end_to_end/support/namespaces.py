"""Namespaces of the test's own: all that is made in them is gone when the test's processes are, however they end."""
import ctypes
import os
import subprocess

NEW_MOUNTS, NEW_NETWORK = 0x00020000, 0x40000000


def unshare(flags):
    """Moves this process (which must have one thread) into fresh namespaces, whose mounts nobody else sees.

    Raises OSError where that is not allowed, or subprocess.CalledProcessError.
    """
    if ctypes.CDLL(None, use_errno=True).unshare(flags) != 0:
        raise OSError(ctypes.get_errno(), f"unshare: {os.strerror(ctypes.get_errno())} (root is needed)")
    with open("/proc/self/mountinfo") as mounts:
        is_shared = any(" shared:" in line or " master:" in line for line in mounts)
    if is_shared:  # In a chroot, where "/" is no mount point, this would fail; there try-fresh has seen to it.
        subprocess.run(["mount", "--make-rprivate", "/"], check=True, capture_output=True, text=True)


def is_allowed(action):
    """Whether `action` succeeds in a process of its own, so that a failure half-way leaves this one as it was."""
    child = os.fork()
    if child == 0:
        try:
            action()
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"{error}: {getattr(error, 'stderr', '')}", flush=True)
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
