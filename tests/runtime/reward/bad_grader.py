"""A reward program that is bad in the way of its first argument: bad_grader.py MODE. Answers are rewarded by id % 10 / 10; the
modes that do something once do it at answer 5. What each should cost stands in bad_programs_test.cpp."""
import json
import os
import random
import signal
import sys
import threading
import time

MODE = sys.argv[1]
GUILTY = 5


def say(text):
    sys.stdout.write(text)
    sys.stdout.flush()


def reward_of(number):
    return number % 10 / 10


def verdict(number):
    return json.dumps({"id": number, "reward": reward_of(number)}) + "\n"


# What is written instead of the verdict of answer 5.
INSTEAD = {
    "null": '{"id": 5, "reward": null}\n',
    "nan": '{"id": 5, "reward": NaN}\n',
    "infinity": '{"id": 5, "reward": Infinity}\n',
    "huge": '{"id": 5, "reward": 1e999}\n',
    "text": '{"id": 5, "reward": "1.0"}\n',
    "word": '{"id": 5, "reward": good}\n',
    "list": '{"id": 5, "reward": [1.0]}\n',
    "object": '{"id": 5, "reward": {"value": 1}}\n',
    "score": '{"id": 5, "score": 1.0}\n',
    "capital": '{"id": 5, "Reward": 1.0}\n',
    "id_as_text": '{"id": "5", "reward": 0.5}\n',
    "garbage_behind": '{"id": 5, "reward": 0.5} done\n',
    "cut": '{"id": 5, "reward": 0.5\n',
    "twice_in_a_line": '{"id": 5, "reward": 0.5}{"id": 6, "reward": 0.6}\n',
    "no_id": '{"reward": 0.5}\n',
    "a_list": "[5, 0.5]\n",
    "number": "0.5\n",
    "skipped": "",
    "wrong_id": '{"id": 500, "reward": 0.5}\n',
}
# What is written before every verdict.
BEFORE = {
    "debug": "grading\n",
    "event": '{"event": "graded", "reward": 1}\n',
    "unknown_id": '{"id": 4711, "reward": 1}\n',
    "negative_id": '{"id": -1, "reward": 1}\n',
    "nul": "\0\0\n",
    "blank": "\n \n",
    "deep": "[" * 100_000 + "\n",
    "long": "x" * 3_000_000 + "\n",
}


def answer_in_threads(number):
    def run():
        time.sleep(random.random() / 4)
        say(verdict(number))

    threading.Thread(target=run).start()


def once(number):
    """At answer 5. False: the verdict is written all the same."""
    if MODE in INSTEAD:
        say(INSTEAD[MODE])
        return True
    if MODE == "hangs":
        time.sleep(1000)
    if MODE == "ignores_term":
        for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(name, signal.SIG_IGN)
        time.sleep(1000)
    if MODE == "stops_itself":
        os.kill(os.getpid(), signal.SIGSTOP)
    if MODE == "endless_line":
        while True:
            say("x" * 65536)
    if MODE == "endless_lines":
        while True:
            say("x" * 99 + "\n")
    if MODE == "endless_errors":
        while True:
            sys.stderr.write("x" * 65536)
    if MODE == "exits":
        sys.exit(3)
    if MODE == "raises":
        raise ValueError("no such gold answer")
    if MODE == "aborts":
        os.abort()
    if MODE == "kills_itself":
        os.kill(os.getpid(), signal.SIGKILL)
    if MODE == "takes_memory":
        kept = []
        while True:
            kept.append(bytearray(1 << 28))
    if MODE == "closes_output":
        os.close(1)
        time.sleep(1000)
    if MODE == "closes_input":
        say(verdict(number))
        os.close(0)
        time.sleep(1000)
    if MODE == "leaves_a_child" and os.fork() == 0:
        os.setsid()
        time.sleep(20)
    if MODE == "leaves_a_child":
        os._exit(0)
    return False


def start():
    if MODE == "banner":
        say("loading the reward model\n")
    if MODE == "not_utf8":
        os.write(1, b"\xff\xfe gr\xfcn\n")
    if MODE == "slow_start":
        time.sleep(6)
    if MODE == "floods_errors":
        sys.stderr.write("x" * 20_000_000)
    if MODE == "exits_at_once":
        sys.exit(1)
    if MODE == "never_reads":
        time.sleep(1000)
    if MODE == "daemonises" and os.fork() > 0:
        os._exit(0)
    if MODE == "no_newline":
        say("loading ... ")


start()
unflushed = open(1, "w", buffering=8192, closefd=False)
for line in sys.stdin:
    number = json.loads(line)["id"]
    if MODE == "no_flush":
        unflushed.write(verdict(number))
        continue
    if MODE == "dies_each_time":
        sys.exit(1)
    if MODE == "threads":
        answer_in_threads(number)
        continue
    if MODE == "slow":
        time.sleep(0.7)
    if MODE in BEFORE:
        say(BEFORE[MODE])
    if number == GUILTY and once(number):
        continue
    say(verdict(number).replace("\n", "\r\n") if MODE == "crlf" else verdict(number))
    if MODE == "twice":
        say(verdict(number))
    if MODE == "changes_its_mind":
        say(json.dumps({"id": number, "reward": 0.77}) + "\n")
    if MODE == "one_each":
        sys.exit(0)
