"""Stages that look for a way out: to other files, other processes, the engine, the kernel."""

import textwrap
from pathlib import Path

import pytest

from tests.faults.hostile.attacks import Attack, Told, suffer
from tests.project_kit import Kit

pytestmark = pytest.mark.engine

TRY = """
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)

def refused(what, *arguments):
    "Whether a call of the kernel or of Python is refused."
    try:
        result = what(*arguments)
    except OSError as problem:
        print(what, problem, flush=True)
        return True
    if result == -1:
        print(what, os.strerror(ctypes.get_errno()), flush=True)
        return True
    return False

def wall(*tries):
    for name, what, *arguments in tries:
        if not refused(what, *arguments):
            sys.exit("ESCAPED by " + name)
"""

WALLS = {
    "links that lead out of its folder": """
        for name, target in (("a", "/job/input"), ("b", "/app"), ("c", ".."), ("d", "/")):
            (folder / name).symlink_to(target)
        wall(("input", (folder / "a/text.txt").write_text, "x"),
             ("app", (folder / "b/x").write_text, "x"),
             ("parent", (folder / "c/x").write_text, "x"),
             ("parent of all", (folder / "d/x").write_text, "x"))
        for name in "abcd":
            (folder / name).unlink()
    """,
    "dots and the kernel's own links": """
        wall(("dots", (folder / "../51_next/x").write_text, "x"),
             ("dots to the runner's", (folder / "../.stagerun/x").write_text, "x"),
             ("its own root", Path("/proc/self/root/job/x").write_text, "x"),
             ("the init's root", Path("/proc/1/root/job/x").write_text, "x"),
             ("its own folder", Path("/proc/self/cwd/x").write_text, "x"))
    """,
    "mounts": """
        wall(("remount", libc.mount, b"none", b"/job", b"none", 32, None),
             ("bind", libc.mount, b"/", str(folder).encode(), b"none", 4096, None),
             ("tmpfs", libc.mount, b"t", str(folder).encode(), b"tmpfs", 0, None),
             ("unmount", libc.umount2, b"/job", 2),
             ("chroot", os.chroot, str(folder)),
             ("pivot", libc.syscall, 155, b"/tmp", b"/tmp"))
    """,
    "namespaces": """
        wall(("user namespace", libc.unshare, 0x10000000),
             ("mount namespace", libc.unshare, 0x20000),
             ("network namespace", libc.unshare, 0x40000000),
             ("the init's", libc.setns, os.open("/proc/1/ns/mnt", os.O_RDONLY), 0))
    """,
    "devices": """
        wall(("disk", os.mknod, str(folder / "disk"), 0o60600, os.makedev(254, 0)),
             ("memory", os.mknod, str(folder / "mem"), 0o20600, os.makedev(1, 1)),
             ("device in /dev", os.mknod, "/dev/x", 0o20600, os.makedev(1, 1)),
             ("open disk", os.open, "/dev/vda", os.O_RDONLY),
             ("open memory", os.open, "/dev/mem", os.O_RDONLY),
             ("kernel log", os.open, "/dev/kmsg", os.O_RDONLY))
    """,
    "switches of the kernel": """
        wall(*((name, os.open, name, os.O_WRONLY) for name in (
            "/proc/kcore", "/proc/sys/kernel/core_pattern", "/proc/sys/vm/overcommit_memory",
            "/proc/sysrq-trigger", "/sys/kernel/uevent_helper", "/sys/fs/cgroup/release_agent",
            "/sys/fs/cgroup/cgroup.procs", "/sys/fs/cgroup/memory.max",
            "/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/pids/pids.max")))
    """,
    "calls of the kernel": """
        wall(("bpf", libc.syscall, 321, 5, None, 0),
             ("perf", libc.syscall, 298, None, 0, -1, -1, 0),
             ("keys", libc.syscall, 250, 0, -3, 0),
             ("open by handle", libc.syscall, 304, -100, None, 0),
             ("kernel module", libc.syscall, 175, None, 0, b""),
             ("clock", libc.settimeofday, b"0" * 16, None),
             ("reboot", libc.reboot, 0),
             ("host name", socket.sethostname, "mine"),
             ("priority", os.nice, -5))
    """,
    "other users and their rights": """
        other = 0 if os.getuid() else 4321
        wall(("user", os.setuid, other), ("group", os.setgid, other),
             ("groups", os.setgroups, [other]), ("owner", os.chown, folder, other, other))
        status = dict(line.split(":\\t") for line in open("/proc/self/status") if ":\\t" in line)
        for kind in ("CapPrm", "CapEff", "CapBnd", "CapAmb"):
            if int(status[kind], 16):
                sys.exit("ESCAPED: has " + kind)
        if (status["NoNewPrivs"].strip(), status["Seccomp"].strip()) != ("1", "2"):
            sys.exit("ESCAPED: may gain privileges")
        shutil.copy(shutil.which("sh"), folder / "sh")
        os.chmod(folder / "sh", 0o4755)
        said = subprocess.run([folder / "sh", "-c", "grep CapEff /proc/self/status"],
                              capture_output=True, text=True).stdout
        if int(said.split()[1], 16):
            sys.exit("ESCAPED: setuid lends rights")
        os.remove(folder / "sh")
    """,
    "raw sockets": """
        wall(("raw", socket.socket, socket.AF_INET, socket.SOCK_RAW, 1),
             ("packets", socket.socket, socket.AF_PACKET, socket.SOCK_RAW, 0),
             ("another interface", lambda: os.stat("/sys/class/net/eth0")))
    """,
    "the engine": """
        for place in ("/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock",
                      "/run/podman/podman.sock", "/job/../run/docker.sock"):
            connection = socket.socket(socket.AF_UNIX)
            wall(("socket " + place, connection.connect, place))
        hosts = [line.split()[-1] for line in open("/proc/net/unix").read().splitlines()[1:]]
        if [name for name in hosts if "docker" in name or "containerd" in name]:
            sys.exit("ESCAPED: sees sockets of the host")
    """,
    "other jobs and the host's files": """
        known = {"50_probe", ".stagerun", "input", "job.yaml", "logs", "manifest.json"}
        if set(os.listdir("/job")) - known or os.path.exists("/job/../out"):
            sys.exit("ESCAPED: sees more than its job")
        mounts = [line.split() for line in open("/proc/self/mountinfo")]
        places = {words[4] for words in mounts if words[4].startswith(("/job", "/models", "/run"))}
        if "/run/podman-init" in places:
            places -= {"/run", "/run/podman-init"}
        if places - {"/job", "/job/50_probe"}:
            sys.exit("ESCAPED: more is mounted: " + repr(places))
        writable = {words[4] for words in mounts if "rw" in words[5].split(",")}
        writable -= {"/job/50_probe", "/tmp", "/dev", "/dev/shm", "/dev/pts", "/dev/mqueue"}
        writable = {place for place in writable if os.access(place, os.W_OK)
                    and not place.startswith(("/proc", "/etc/"))}
        if writable:
            sys.exit("ESCAPED: may write to " + repr(writable))
    """,
    "the host's processes": """
        pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
        if len(pids) > 8:
            sys.exit("ESCAPED: sees processes of others")
        wall(*((str(pid), os.kill, pid, 9) for pid in range(40000, 40500)))
        try:
            os.kill(-1, signal.SIGCONT)
        except OSError:
            pass
    """,
}


# Podman's own list of allowed calls has both: docs/engines.md says so.
OF_DOCKER = {"namespaces", "calls of the kernel"}


@pytest.mark.parametrize(
    "wall",
    [pytest.param(wall, marks=[pytest.mark.docker] * (wall in OF_DOCKER)) for wall in WALLS],
)
def test_no_way_leads_out(real_kit: Kit, job: Path, record_property: Told, wall: str) -> None:
    attack = Attack(before=TRY + textwrap.dedent(WALLS[wall]), never="ESCAPED")
    before = sorted(path.name for path in job.iterdir())
    suffer(real_kit, job, attack, record_property)
    assert sorted(path.name for path in job.iterdir()) == sorted({*before, "51_next"})
