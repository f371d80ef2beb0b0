#!/usr/bin/env python3
"""What it takes to look at a run whose rank log is huge: log_bench.py BINARIES RUN_FOLDER [GIGABYTES].

The run has to be over; the log of its rank 0 is grown to GIGABYTES (10) of NUL bytes, which take no room on the disk, and is given back
its size. Prints one JSON line for each verb: seconds until the first page is there, peak resident memory in MB."""
import json
import os
import pty
import subprocess
import sys
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
    _, _, usage = os.wait4(child.pid, 0)
    return {"seconds": round(seconds, 3), "peak_mb": round(usage.ru_maxrss / 1e3, 1)}


def main():
    binaries, run = sys.argv[1:3]
    gigabytes = float(sys.argv[3]) if len(sys.argv) > 3 else 10
    attempts = sorted(name for name in os.listdir(run) if name.startswith("attempt_"))
    log = os.path.join(run, attempts[-1], "rank_0.log")
    size = os.path.getsize(log)
    muster = os.path.join(binaries, "muster")
    try:
        os.truncate(log, int(gigabytes * 1e9))
        for verb in (["status", run], ["logs", run, "--rank", "0"], ["watch", run]):
            print(json.dumps({"verb": verb[0], "log_gb": gigabytes, **measured([muster, *verb])}))
    finally:
        os.truncate(log, size)


main()
