#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Runs scenarios: runner.py [--fast] FILE[::FUNCTION]...

Each test runs in a process of its own with a time limit; what it leaves
behind is killed and makes it fail. One line per test, and at the end
`N passed, N failed, N skipped`.
"""

import ctypes
import importlib.util
import os
import signal
import sys
import time
import traceback
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import wsbtest  # noqa: E402

PR_SET_CHILD_SUBREAPER = 36
DEFAULT_LIMIT_S = 60
OK, FAIL, SKIP = 0, 1, 77


def load_module(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def short(error):
    text = f"{type(error).__name__}: {error}"
    if isinstance(error, AssertionError):
        frame = traceback.extract_tb(error.__traceback__)[-1]
        text = str(error) or f"assert: {frame.line}"
        text += f" ({Path(frame.filename).name}:{frame.lineno})"
    return text


def child(function, report):
    """Runs in the test's process; the exit code is the verdict."""
    code, reasons = OK, []
    try:
        function()
    except wsbtest.Skip as reason:
        code, reasons = SKIP, [str(reason)]
    except BaseException as error:  # noqa: BLE001, becomes the verdict
        code, reasons = FAIL, [short(error)]
        if os.environ.get("WSB_TRACE"):
            traceback.print_exc()
    for error in wsbtest.cleanup():
        code = FAIL
        reasons.append("afterwards: " + short(error))
    os.write(report, "\n".join(reasons).encode()[:60000])
    os._exit(code)


def kill_leftovers():
    """Kills all descendants; returns their names."""
    names = []
    for _ in range(50):
        found = wsbtest._children(os.getpid())
        if not found:
            break
        for pid, comm in found.items():
            names.append(comm)
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        time.sleep(0.02)
        reap()
    return names


def reap():
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def run_test(function):
    """Returns (verdict, reason, seconds)."""
    limit = getattr(function, "limit_s", DEFAULT_LIMIT_S)
    if wsbtest.SANITIZED:
        limit *= 3
    read_end, write_end = os.pipe()
    began = time.monotonic()
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        os.close(read_end)
        os.setpgid(0, 0)
        child(function, write_end)
    os.close(write_end)
    code = None
    while code is None and time.monotonic() - began < limit:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            code = os.waitstatus_to_exitcode(status)
        else:
            time.sleep(0.01)
    seconds = time.monotonic() - began
    if code is None:
        kill_leftovers()
        os.close(read_end)
        return FAIL, f"took over {limit} s", seconds
    # A process that just ended may still be on its way out.
    time.sleep(0.01)
    reap()
    leftovers = kill_leftovers()
    reason = os.read(read_end, 65536).decode(errors="replace")
    os.close(read_end)
    if leftovers:
        code = code or FAIL
        reason += f"\nleft running: {' '.join(sorted(set(leftovers)))}"
    if code not in (OK, SKIP) and not reason:
        reason = f"the test process ended with {code}"
    return code, reason.strip(), seconds


def collect(arguments):
    """Yields (file stem, name, function or exception)."""
    for argument in arguments:
        name, _, only = argument.partition("::")
        path = Path(name)
        try:
            module = load_module(path)
        except Exception as error:  # noqa: BLE001, counted as a failure
            yield path.stem, "(import)", error
            continue
        for key, value in list(vars(module).items()):
            if key.startswith("test_") and callable(value) and (
                    not only or only == key):
                yield path.stem, key, value


def main(arguments):
    fast = "--fast" in arguments
    arguments = [a for a in arguments if not a.startswith("--")]
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    count = {OK: 0, FAIL: 0, SKIP: 0}
    for stem, name, function in collect(arguments):
        if isinstance(function, Exception):
            code, reason, seconds = FAIL, short(function), 0
        elif fast and getattr(function, "slow", False):
            code, reason, seconds = SKIP, "slow", 0
        else:
            code, reason, seconds = run_test(function)
        code = code if code in count else FAIL
        count[code] += 1
        word = {OK: "ok  ", FAIL: "FAIL", SKIP: "skip"}[code]
        line = f"{word} {stem}.{name} ({seconds:.1f} s)"
        print(line + (": " + reason.replace("\n", "\n     ")
                      if reason else ""), flush=True)
    print(f"{count[OK]} passed, {count[FAIL]} failed, {count[SKIP]} skipped")
    return 1 if count[FAIL] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
