"""A command that a shell can start, and whose work a warm process does.

`tests.support.warm.command` says how it is run: with the descriptor where the parent of
warm processes takes requests, the program, and its arguments.  The warm process has the
streams, the folder, the mask and the environment that the shell gave; what is closed
here is closed there.  A signal that asks for an end is passed on, and this process ends
as the warm one did.

Only modules that the interpreter has built in are imported: the start is all it costs.
"""

import _signal  # type: ignore[import-not-found]  # signal, without its enums
import _socket
import marshal
import os
import sys

PASSED_ON = (_signal.SIGINT, _signal.SIGTERM, _signal.SIGHUP)


def main() -> None:
    """Ask for the process, wait for its end, and end likewise."""
    closed = [number for number in range(3) if not is_open(number)]
    nothing = os.open(os.devnull, os.O_RDWR)
    while nothing < 3:  # what is opened from now on takes no stream's number
        nothing = os.dup(nothing)
    umask = os.umask(0)
    os.umask(umask)
    request = {
        "program": sys.argv[2],
        "arguments": sys.argv[3:],
        "environment": dict(os.environ),
        "folder": os.getcwd(),
        "umask": umask,
        "closed": closed,
    }
    file = os.memfd_create("request")
    os.write(file, marshal.dumps(request))
    os.lseek(file, 0, os.SEEK_SET)
    link, its = _socket.socketpair()
    streams = [nothing if number in closed else number for number in range(3)]
    given = [file, *streams, its.fileno()]
    rights = b"".join(it.to_bytes(4, sys.byteorder) for it in given)
    requests = _socket.socket(fileno=int(sys.argv[1]))
    # A signal that comes before the process has its number waits for it.
    _signal.pthread_sigmask(_signal.SIG_BLOCK, PASSED_ON)
    requests.sendmsg([b"."], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, rights)])
    its.close()
    pid = int.from_bytes(link.recv(4), sys.byteorder, signed=True)
    for number in PASSED_ON:
        if _signal.getsignal(number) != _signal.SIG_IGN:
            _signal.signal(number, lambda asked, _: os.kill(pid, asked))
    _signal.pthread_sigmask(_signal.SIG_UNBLOCK, PASSED_ON)
    status = int.from_bytes(link.recv(4), sys.byteorder, signed=True)
    if status < 0:
        if -status != _signal.SIGKILL:
            _signal.signal(-status, _signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    os._exit(status)


def is_open(descriptor: int) -> bool:
    """Whether this process was given a descriptor of that number."""
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


main()
