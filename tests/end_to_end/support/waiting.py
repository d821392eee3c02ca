"""Waiting for a condition, with a bound: the only place of the tests that sleeps."""
import time


def wait_for(condition, what, seconds=20.0, every=0.02):
    """Calls `condition` until it returns something true, and returns that. After `seconds` it fails and says `what` was
    awaited and what the condition returned last. An AssertionError inside the condition counts as not yet."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            seen = condition()
            if seen:
                return seen
        except AssertionError as not_yet:
            seen = not_yet
        if time.monotonic() >= deadline:
            raise AssertionError(f"waited {seconds:g} s for {what}; last seen: {seen!r}")
        time.sleep(every)
