"""The channel of mobile payment beside a stage: its keys, what the daemon's configuration says of it, and the channel itself."""

from __future__ import annotations

from twisted.internet import reactor

from simulators.centre.channel import ChannelSimulator
from simulators.ecode.keys import APP_ID as APP
from simulators.ecode.keys import APP_SECRET as SECRET
from simulators.ecode.keys import PRIVATE, PUBLIC, private_pem, public_pem
from simulators.ecode.sealed import SealedSide
from simulators.ports import free_port

PATH_SECRET = "a-path-that-nobody-knows"


def settings_in(folder):
    """The sections, with their key files in this folder, and where notices go to."""
    secrets = {
        "secret": SECRET.encode(),
        "ours.pem": private_pem(),
        "theirs.pem": public_pem(),
        "path": PATH_SECRET.encode(),
    }
    for name, content in secrets.items():
        (folder / name).write_bytes(content)
        (folder / name).chmod(0o400)
    port = free_port()
    mobile = {
        "enabled": True, "app_id": APP, "app_secret": str(folder / "secret"), "signing_key": str(folder / "ours.pem"),
        "channel_key": str(folder / "theirs.pem"), "total_deadline_s": 2.0,
    }  # fmt: skip
    notices = {"port": port, "path_secret": str(folder / "path")}
    return {"mobile": mobile, "mobile_notices": notices}, f"http://127.0.0.1:{port}/mobile/6302/{PATH_SECRET}"


def channel_of(stage, mobile):
    """It listens; ``mobile`` is told where."""
    side = SealedSide(APP, SECRET, (PRIVATE, PUBLIC), PUBLIC, stage.centre.business.now)
    channel = ChannelSimulator(reactor, stage.centre.business, side, free_port())
    channel.start()
    mobile["url"] = channel.url
    return channel
