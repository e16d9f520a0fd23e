#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Runs every kind of test: tests/run [--fast] [PATTERN...]

  --fast    the inner loop: no sanitizer builds, models, fuzzers, slow tests
  PATTERN   only what holds one of these texts in its name, as printed

Each kind that finds nothing to run counts as failed, so that a lost folder
is noticed. At the end of a run without PATTERN a scenario that failed is
repeated alone: if it passes three times in a row it is named as unsteady, a
fault to be found, and does not fail the run; more than three such tests do.
The last line is `N passed, N failed, N skipped`.
"""

import glob
import os
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RUNNER = ROOT / "tests/lib/runner.py"
UNIT_LIMIT_S = 120
STRESS_LIMIT_S = 600
SPIN_LIMIT_S = 600
VTC_LIMIT_S = 60
FUZZ_SECONDS = 10
UNSTEADY_MAX = 3
UNSTEADY_REPEATS = 3


class Total:
    def __init__(self, fast, patterns):
        self.fast = fast
        self.patterns = patterns
        self.passed = self.failed = self.skipped = 0
        self.failures = []
        self.again = []  # names of failed scenarios, with their build folder
        self.found = 0

    def wants(self, name):
        return not self.patterns or any(p in name for p in self.patterns)

    def add(self, name, passed, failed, skipped=0, detail="", seconds=None):
        self.passed += passed
        self.failed += failed
        self.skipped += skipped
        word = "FAIL" if failed else "ok  " if passed else "skip"
        counts = f" {passed} of {passed + failed}" if passed + failed > 1 else ""
        took = "" if seconds is None else f" ({seconds:.1f} s)"
        print(f"{word} {name}{counts}{took}"
              + (": " + detail if detail else ""), flush=True)
        if failed:
            self.failures.append(name)


def build(*options):
    """tools/build; raises CalledProcessError with what it printed."""
    subprocess.run([ROOT / "tools/build", "--no-apt", "-q", *options],
                   check=True, cwd=ROOT)


def run(argv, limit, env=None, cwd=ROOT):
    """(exit code or None after `limit` seconds, output, seconds)"""
    began = time.monotonic()
    process = subprocess.Popen(
        [str(a) for a in argv], stdin=subprocess.DEVNULL, cwd=cwd,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env={**os.environ, **(env or {})}, start_new_session=True)
    try:
        output, _ = process.communicate(timeout=limit)
        code = process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        output, _ = process.communicate()
        code = None
    return code, output.decode(errors="replace"), time.monotonic() - began


def tail(output, lines=12):
    kept = [s for s in output.strip().split("\n") if s.strip()][-lines:]
    return "\n     " + "\n     ".join(kept)


def vtc_why(output):
    """What varnishtest found wrong, and the log lines it caught."""
    return "".join("\n     " + s[:400] for s in output.split("\n")
                   if re.match(r"---- |\*+ +S\d+ +syslog\|", s))


def unit_programs(builddir):
    done = subprocess.run(
        ["make", "-s", "-C", builddir, "--no-print-directory",
         "print-check-programs"], capture_output=True, text=True, check=True)
    return done.stdout.split()


def run_unit(total, builddir, label, limit, only=None):
    """The cmocka programs; their own counts are added up."""
    names = [n for n in unit_programs(builddir)
             if only is None or only in os.path.basename(n)]
    total.found += len(names)
    for name in names:
        shown = f"{label} {name}"
        if not total.wants(shown):
            continue
        code, output, seconds = run(
            [builddir / name], limit,
            {"CMOCKA_MESSAGE_OUTPUT": "stdout", "srcdir": str(ROOT)})
        passed = len(re.findall(r"^\[       OK \]", output, re.M))
        failed = len(set(re.findall(
            r"^\[  (?:FAILED |ERROR )  ?\] (?!\d+ test)(\w+)", output, re.M)))
        skipped = len(set(re.findall(
            r"^\[  SKIPPED \] (?!\d+ test)(\w+)", output, re.M)))
        if code == 77 and not passed:
            skipped = skipped or 1
        elif code != 0:
            failed = failed or 1
        elif not passed and not skipped:
            passed = 1  # a program that counts nothing
        detail = ""
        if failed:
            why = "took too long" if code is None else f"exit code {code}"
            detail = why + tail(output, 20)
        total.add(shown, passed, failed, skipped, detail, seconds)


def kind_unit(total):
    build("check", "TESTS=")
    run_unit(total, ROOT / "build", "unit", UNIT_LIMIT_S)


def kind_lint(total):
    total.found += 1
    if total.wants("lint"):
        code, output, seconds = run([ROOT / "tools/lint"], 300)
        total.add("lint", code == 0, code != 0, 0,
                  tail(output, 40) if code else "", seconds)


def run_vtc(total, builddir, label):
    files = sorted(glob.glob(str(ROOT / "tests/vtc/**/*.vtc"), recursive=True))
    total.found += len(files)
    for path in files:
        name = f"{label} {os.path.relpath(path, ROOT)}"
        if not total.wants(name):
            continue
        code, output, seconds = run(
            ["varnishtest", "-t", VTC_LIMIT_S, path], VTC_LIMIT_S + 30,
            {"HAPROXY_PROGRAM": str(builddir / "wsbroker"),
             "WSB_BUILD": str(builddir)})
        total.add(name, code == 0, code not in (0, 77), code == 77,
                  vtc_why(output) if code not in (0, 77) else "", seconds)


def kind_vtc(total):
    run_vtc(total, ROOT / "build", "vtc")


def run_scenarios(total, builddir, label, fast):
    files = sorted(glob.glob(str(ROOT / "tests/scenario/test_*.py")))
    total.found += len(files)
    wanted = []
    for path in files:
        stem = Path(path).stem
        functions = re.findall(
            r"^def (test_\w+)", Path(path).read_text(), re.M)
        chosen = [f for f in functions
                  if total.wants(f"{label} {stem}.{f}")]
        if chosen == functions:
            wanted.append(path)
        else:
            wanted += [f"{path}::{f}" for f in chosen]
    if not wanted:
        return
    process = subprocess.Popen(
        [RUNNER, *(["--fast"] if fast else []), *wanted], text=True,
        stdout=subprocess.PIPE, stdin=subprocess.DEVNULL,
        env={**os.environ, "WSB_BUILD": str(builddir)}, cwd=ROOT)
    last = None
    for line in process.stdout:
        line = line.rstrip("\n")
        last = re.fullmatch(
            r"(\d+) passed, (\d+) failed, (\d+) skipped", line)
        if last:
            continue
        print(re.sub(r"^(ok  |FAIL|skip) ", rf"\1 {label} ", line), flush=True)
        if line.startswith("FAIL"):
            total.failures.append(f"{label} {line.split()[1]}")
            total.again.append((total.failures[-1], builddir))
    process.wait()
    if not last:
        total.add(label, 0, 1, 0, "the runner died")
        return
    total.passed += int(last[1])
    total.failed += int(last[2])
    total.skipped += int(last[3])


def kind_scenario(total):
    run_scenarios(total, ROOT / "build", "scenario", total.fast)


def kind_spin(total):
    for script in sorted(glob.glob(str(ROOT / "tests/spin/*/run"))):
        total.found += 1
        name = f"spin {Path(script).parent.name}"
        if total.wants(name):
            code, output, seconds = run([script], SPIN_LIMIT_S)
            total.add(name, code == 0, code != 0, 0,
                      tail(output) if code else "", seconds)


def kind_tsan(total):
    """The threaded stress of the shared structures, under ThreadSanitizer."""
    build("--tsan", "check", "TESTS=")
    run_unit(total, ROOT / "build/tsan", "tsan", STRESS_LIMIT_S, "stress")


def kind_asan(total):
    """Everything once more under AddressSanitizer and UBSan."""
    builddir = ROOT / "build/asan-ubsan"
    build("--asan", "--ubsan", "all", "check", "TESTS=")
    run_unit(total, builddir, "asan", STRESS_LIMIT_S)
    run_vtc(total, builddir, "asan-vtc")
    run_scenarios(total, builddir, "asan-scenario", True)


def kind_fuzz(total):
    build("--fuzz", "fuzz")
    names = sorted(glob.glob(str(ROOT / "tests/fuzz/fuzz_*.c")))
    total.found += len(names)
    names = [n for n in names if total.wants(f"fuzz {Path(n).stem[5:]}")]
    if not names:
        return
    builddir = ROOT / "build/fuzz"
    fuzzers = [builddir / "tests/fuzz" / Path(n).stem for n in names]
    _, output, _ = run([ROOT / "tests/lib/fuzz-smoke", ROOT, FUZZ_SECONDS,
                        *fuzzers], 120 + FUZZ_SECONDS * len(names),
                       cwd=builddir)
    verdicts = re.findall(r"^(ok  |FAIL) (fuzz \S+)(.*)$", output, re.M)
    for word, name, rest in verdicts:
        total.add(name.rstrip(":"), word != "FAIL", word == "FAIL", 0,
                  tail(output) if word == "FAIL" else rest.strip())
    if len(verdicts) < len(names):
        total.add("fuzz", 0, len(names) - len(verdicts), 0, tail(output))


def passes_alone(name, builddir):
    """Whether a scenario that failed among others passes by itself."""
    stem, function = name.split(" ")[1].split(".", 1)
    for _ in range(UNSTEADY_REPEATS):
        code, output, seconds = run(
            [RUNNER, ROOT / f"tests/scenario/{stem}.py::{function}"], 1800,
            {"WSB_BUILD": str(builddir)})
        print(re.sub(r"^(ok  |FAIL|skip) ", rf"\1 again {name.split(' ')[0]} ",
                     output.split("\n")[0]), flush=True)
        if code != 0:
            return False
    return True


def repeat_failed(total):
    """Few failures that do not repeat are named, not counted."""
    if total.patterns or len(total.again) > UNSTEADY_MAX:
        return
    for name, builddir in total.again:
        if passes_alone(name, builddir):
            print(f"unsteady: {name}: failed once, then passed "
                  f"{UNSTEADY_REPEATS} times alone", flush=True)
            total.failures.remove(name)
            total.failed -= 1
            total.passed += 1


# name, function, whether it belongs to --fast
KINDS = (
    ("unit", kind_unit, True),
    ("lint", kind_lint, True),
    ("vtc", kind_vtc, True),
    ("scenario", kind_scenario, True),
    ("spin", kind_spin, False),
    ("tsan", kind_tsan, False),
    ("fuzz", kind_fuzz, False),
    ("asan", kind_asan, False),
)


def main(arguments):
    options = [a for a in arguments if a.startswith("-")]
    if set(options) - {"--fast"}:
        print(__doc__)
        return 0 if options == ["--help"] else 2
    total = Total("--fast" in options,
                  [a for a in arguments if not a.startswith("-")])
    for name, function, in_fast in KINDS:
        if total.fast and not in_fast:
            continue
        # A pattern that names another kind spares this one's build.
        others = {k for k, _, _ in KINDS} - {name}
        if total.patterns and all(
                p.split(" ")[0].split("-")[0] in others
                for p in total.patterns):
            continue
        total.found, began = 0, time.monotonic()
        try:
            function(total)
        except subprocess.CalledProcessError as error:
            total.add(name, 0, 1, 0, f"does not build: {error}")
            continue
        except OSError as error:
            total.add(name, 0, 1, 0, str(error))
            continue
        if not total.found:
            total.add(name, 0, 1, 0, "FOUND NOTHING TO RUN")
        if not total.patterns:
            print(f"---- {name}: {time.monotonic() - began:.0f} s", flush=True)
    repeat_failed(total)
    if total.passed + total.failed + total.skipped == 0:
        print("nothing matches:", *total.patterns)
        total.failed = 1
    for name in total.failures:
        print("failed:", name)
    print(f"{total.passed} passed, {total.failed} failed, "
          f"{total.skipped} skipped")
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
