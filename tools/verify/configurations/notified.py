"""Starts a command and reports when it sends READY=1 to its service manager, for which systemd would wait.

Arguments: a folder for the socket, how many seconds to wait, the command. Standard output: "ready", "ended STATUS" or
"slow", on a line of its own; what the command prints goes to standard error. Stops the command when standard input ends.
"""

import os
import socket
import subprocess
import sys
import time

folder, seconds, command = sys.argv[1], float(sys.argv[2]), sys.argv[3:]
place = os.path.join(folder, "notify-%d.sock" % os.getpid())
told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
told.bind(place)
told.settimeout(0.2)
child = subprocess.Popen(
    command, stdin=subprocess.DEVNULL, stdout=sys.stderr, env=dict(os.environ, NOTIFY_SOCKET=place)
)


def wait():
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if b"READY=1" in told.recv(4096):
                return "ready"
        except socket.timeout:
            pass
        if child.poll() is not None:
            return "ended %d" % child.returncode
    return "slow"


try:
    print(wait(), flush=True)
    sys.stdin.read()
finally:
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(20)
        except subprocess.TimeoutExpired:
            child.kill()
    os.unlink(place)
