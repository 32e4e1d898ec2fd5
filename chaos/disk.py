"""A small disk that can lose its power or run full: an ext4 image on a loop device, mounted under the run's own folder.

The power is cut by EXT4_IOC_SHUTDOWN with "no log flush": from that moment nothing reaches the device, neither data nor the
file system's own journal, and what was only in memory is gone. ``fsync`` had to be done before; nothing else helps.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import struct
import subprocess
import time
from pathlib import Path
from typing import Self

EXT4_IOC_SHUTDOWN = 0x8004587D
NO_LOG_FLUSH = 2
COMMAND_S = 60.0
UMOUNT_S = 20.0
BLOCK = 1 << 20
_TOOLS = ("mkfs.ext4", "mount", "umount", "losetup")


class DiskError(Exception):
    """A command that makes, mounts or ends the disk did not do it; the text is what it said."""


def cannot(folder: Path) -> str:
    """Why this machine has no such disks, or "" - found out by cutting the power of one."""
    if os.geteuid() != 0:
        return "power cuts and full disks need root / 断电与磁盘满的试验需要 root"
    missing = [tool for tool in _TOOLS if shutil.which(tool) is None]
    if missing:
        return f"there is no {', '.join(missing)} (e2fsprogs, mount) / 缺少命令"
    try:
        with Disk(folder / "probe", megabytes=16) as disk:
            disk.mount()
            (disk.root / "unsynced").write_bytes(b"gone")
            disk.cut_power()
            disk.restore_power()
            if (disk.root / "unsynced").exists():
                return "a power cut loses nothing here: the disk is mounted somewhere else too / 断电未生效"
    except (DiskError, OSError) as exc:
        return f"this machine permits no ext4 on a loop device / 本机不允许挂载 ext4 回环设备: {exc}"
    return ""


class Disk:
    """``with Disk(folder) as disk``, then ``mount``: files go into ``disk.root``; no mount and no image is left."""

    def __init__(self, folder: Path, *, megabytes: int) -> None:
        self.root = folder.resolve() / "disk"
        self._image = folder.resolve() / "disk.img"
        self._megabytes = megabytes

    def __enter__(self) -> Self:
        self.root.mkdir(parents=True, exist_ok=True)
        self._image.unlink(missing_ok=True)
        with self._image.open("wb") as image:
            image.truncate(self._megabytes << 20)
        _run("mkfs.ext4", "-q", "-m", "0", str(self._image))
        return self

    def __exit__(self, *_: object) -> None:
        try:
            _unmount(self.root)
        finally:
            self._image.unlink(missing_ok=True)

    def mount(self) -> None:
        """Put it in place. ``DiskError``."""
        _run("mount", "-t", "ext4", "-o", "loop", str(self._image), str(self.root))

    def cut_power(self) -> None:
        """Now. Whoever has files open there gets errors from here on; end them before ``restore_power``."""
        descriptor = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.ioctl(descriptor, EXT4_IOC_SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        finally:
            os.close(descriptor)

    def restore_power(self) -> None:
        """Unmount, mount again: the file system recovers from its journal, as after a real cut. ``DiskError``."""
        _unmount(self.root)
        self.mount()

    def fill(self) -> int:
        """Take all space that is left; how many bytes. May be called again and again while others write and free."""
        taken = 0
        with (self.root / "filler").open("ab", buffering=0) as filler:
            for size in (BLOCK, 4096):
                with contextlib.suppress(OSError):
                    while True:
                        taken += filler.write(b"\0" * size)
                        os.fsync(filler.fileno())
        return taken

    def free(self) -> None:
        """Give the space back."""
        (self.root / "filler").unlink(missing_ok=True)


def clear_leftovers(folder: Path) -> list[str]:
    """Unmount whatever an earlier, killed run left mounted under ``folder``; where that was."""
    folder = folder.resolve()
    left = [place for place in reversed(_mounts()) if place.is_relative_to(folder)]
    for place in left:
        _unmount(place)
    # A loop device goes with its mount; one without a mount was left between the two commands.
    for image in folder.rglob("disk.img") if shutil.which("losetup") else ():
        for line in _run("losetup", "-j", str(image)).splitlines():
            _run("losetup", "-d", line.partition(":")[0])
        image.unlink()
    return list(map(str, left))


def _mounts() -> list[Path]:
    """What is mounted, by the kernel's word: a file system without power answers no other question."""
    lines = Path("/proc/mounts").read_text("utf-8").splitlines()
    return [Path(line.split()[1].replace("\\040", " ")) for line in lines]


def _unmount(root: Path) -> None:
    """Until it is done: a process that was just killed lets go of its files a moment later."""
    limit = time.monotonic() + UMOUNT_S
    while root in _mounts():
        try:
            _run("umount", str(root))
        except DiskError:
            if time.monotonic() > limit:
                _run("umount", "--lazy", str(root))
                raise
            time.sleep(0.05)


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_S, check=False)
    if done.returncode:
        raise DiskError(f"{command[0]}: {(done.stderr or done.stdout).strip()[-300:]}")
    return done.stdout
