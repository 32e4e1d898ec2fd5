"""A run in namespaces of its own: whatever ends it, the kernel ends all its processes and takes its mounts away.

Mounts are the reason it must be so: another program's mount namespace (each pcscd of ours has one) copies every mount
that it sees, and a disk that is still mounted somewhere never really loses its power.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable

_CLONE_NEWNS, _CLONE_NEWPID = 0x00020000, 0x20000000
_PR_SET_PDEATHSIG = 1
_PREPARE = (("mount", "--make-rprivate", "/"), ("mount", "-t", "proc", "proc", "/proc"))


def run_alone(work: Callable[[], int]) -> int:
    """What ``work`` gives, from a process that is the first of its namespaces; from this one where that is not permitted.

    SIGINT and SIGTERM are passed on to it. Call it before there is a thread or a reactor.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if os.geteuid() != 0 or libc.unshare(_CLONE_NEWNS | _CLONE_NEWPID) != 0:
        return work()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    child = os.fork()
    if child == 0:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})
        for command in _PREPARE:
            subprocess.run(command, check=True, timeout=60)
        status = 1
        try:
            status = work()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda given, _frame: os.kill(child, given))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})
    _, ended = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(ended) if os.WIFEXITED(ended) else 1
