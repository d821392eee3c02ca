"""The program `trellis` as people and scripts call it."""
import dataclasses
import subprocess

from .processes import PROGRAMS, clean_environment, die_with_parent


@dataclasses.dataclass(frozen=True)
class Ran:
    """What a program that has ended printed, and its exit code."""
    code: int
    out: str
    err: str


def run(program, *words, stdin="", seconds=60, cwd=None, environment=None):
    """Runs a program to its end. `stdin` is text or bytes."""
    given = stdin if isinstance(stdin, bytes) else stdin.encode()
    process = subprocess.Popen(
        [str(PROGRAMS / program), *map(str, words)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        cwd=cwd, env=clean_environment(**(environment or {})), start_new_session=True, preexec_fn=die_with_parent)
    try:
        out, err = process.communicate(given, timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError(f"{program} {' '.join(map(str, words))} did not end within {seconds} s; it printed {out!r}, "
                             f"{err!r}") from None
    return Ran(process.returncode, out.decode(errors="replace"), err.decode(errors="replace"))


def one_shot(cluster, *words, **settings):
    """`trellis -b BROKER WORDS...`"""
    return run("trellis", "-b", cluster.frontend, *words, **settings)


def shell(cluster, lines, *flags, **settings):
    """Lines typed into `trellis` through a pipe."""
    return run("trellis", "-b", cluster.frontend, *flags, stdin=lines if lines.endswith("\n") else lines + "\n", **settings)
