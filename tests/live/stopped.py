# SPDX-License-Identifier: BSD-3-Clause
"""A thread that stands still while its process goes on."""
import ctypes
import os
import re
from pathlib import Path

import live

LIBC = ctypes.CDLL(None, use_errno=True)
SEIZE, INTERRUPT, DETACH, WALL = 0x4206, 0x4207, 17, 0x40000000


class Stopped:
    """One thread of a process, stopped as by SIGSTOP, which would stop all of them."""

    def __init__(self, pid, pattern=None):
        """The thread whose name matches; without a pattern the first: the main lcore."""
        tasks = [int(path.name) for path in Path(f"/proc/{pid}/task").iterdir()
                 if (re.search(pattern, (path / "comm").read_text()) if pattern
                     else path.name == str(pid))]
        live.equal(len(tasks), 1, f"threads named {pattern}")
        self.task = tasks[0]

    def ptrace(self, request):
        if LIBC.ptrace(request, self.task, None, None) != 0:
            raise OSError(ctypes.get_errno(), f"ptrace {request:#x}")

    def __enter__(self):
        self.ptrace(SEIZE)
        self.ptrace(INTERRUPT)
        os.waitpid(self.task, WALL)
        return self

    def __exit__(self, *_):
        self.ptrace(DETACH)

    def reap(self):
        """Wait for its end: who traces a thread must, before its process can end."""
        try:
            os.waitpid(self.task, WALL)
        except ChildProcessError:
            pass  # it was
