#!/usr/bin/env python3
"""What it takes to look at a run whose rank log is huge: log_bench.py BINARIES [GIGABYTES].

Starts a tiny run in a folder of its own and, while it goes on, grows the log of its rank 0 to GIGABYTES (10) of NUL
bytes, which take no room on the disk. Prints one JSON line for each verb: seconds until the first page is there and of
the processor, peak resident memory in MB. The last two lines are of supervisors, one beside a small log and one beside
the huge one: seconds from TERM to their end, of the processor in five seconds before it, peak memory."""
import json
import os
import pty
import signal
import subprocess
import sys
import tempfile
import time


def measured(command):
    """Until the first 4096 bytes are there, or the end; on a terminal of its own, where q ends what stays."""
    ours, theirs = pty.openpty()
    begin = time.monotonic()
    child = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
    os.close(theirs)
    got = 0
    try:
        while got < 4096:
            got += len(os.read(ours, 4096))
            if command[1] == "watch":
                os.write(ours, b"q")
    except OSError:  # it has ended
        pass
    seconds = time.monotonic() - begin
    os.close(ours)
    usage = os.wait4(child.pid, 0)[2]
    return figures(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1e3)


def figures(seconds, processor_s, peak_mb):
    return {"seconds": round(seconds, 3), "processor_s": round(processor_s, 3), "peak_mb": round(peak_mb, 1)}


def start(muster, run):
    """A run that goes on, with its first steps done."""
    child = subprocess.Popen(
        [muster, "run", "reverse-digits", "--run-dir", run, "--set", "grpo.steps=100000", "--set", "warmup.sft_steps=0"]
        + ["--set", "warmup.stop_at_reward=0", "--set", "grpo.prompts_per_step=4", "--set", "threads=1"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    steps = os.path.join(run, "steps.jsonl")
    while not os.path.exists(steps) or os.path.getsize(steps) == 0:
        if child.poll() is not None:
            sys.exit(f"the run ended with code {child.returncode}")
        time.sleep(0.1)
    return child


def of_itself(pid):
    """Seconds of the processor and peak memory in MB of a process without its children."""
    with open(f"/proc/{pid}/stat") as file:
        ticks = file.read().rsplit(") ", 1)[1].split()[11:13]
    with open(f"/proc/{pid}/status") as file:
        peak = next(line.split()[1] for line in file if line.startswith("VmHWM"))
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK"), int(peak) / 1e3


def ended(child):
    """A supervisor: what it took in five seconds, in which it looks at its log as it does, and how soon it ends."""
    processor_s = of_itself(child.pid)[0]
    time.sleep(5)
    after_s, peak_mb = of_itself(child.pid)
    begin = time.monotonic()
    child.send_signal(signal.SIGTERM)
    child.wait()
    return figures(time.monotonic() - begin, after_s - processor_s, peak_mb)


def main():
    muster = os.path.join(sys.argv[1], "muster")
    gigabytes = float(sys.argv[2]) if len(sys.argv) > 2 else 10
    with tempfile.TemporaryDirectory() as folder:
        child = start(muster, os.path.join(folder, "small"))
        beside_small = ended(child)
        child = start(muster, run := os.path.join(folder, "run"))
        os.truncate(os.path.join(run, "attempt_0", "rank_0.log"), int(gigabytes * 1e9))
        for verb in (["status", run], ["logs", run, "--rank", "0"], ["watch", run]):
            print(json.dumps({"what": verb[0], "log_gb": gigabytes, **measured([muster, *verb])}), flush=True)
        print(json.dumps({"what": "supervisor", "log_gb": 0, **beside_small}))
        print(json.dumps({"what": "supervisor", "log_gb": gigabytes, **ended(child)}))


main()
