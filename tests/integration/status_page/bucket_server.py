"""A real S3-compatible server (SeaweedFS) on loopback."""

import contextlib
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import obstore

from status_page.bucket import Bucket

KEY_ID = "outage"
SECRET = "made-up-for-tests"
_PORTS = (
    "master.port",
    "master.port.grpc",
    "volume.port",
    "volume.port.grpc",
    "filer.port",
    "filer.port.grpc",
    "admin.port",
    "admin.port.grpc",
    "s3.port.grpc",
    "s3.port.iceberg",
    "s3.port.lance",
)
_UP_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketServer:
    """Its address, and the settings' URL of a place in it."""

    address: str

    def bucket(self, prefix: str = "") -> Bucket:
        return Bucket(
            url=f"s3://public-page/{prefix}?endpoint={self.address}", key_id=KEY_ID, secret=SECRET
        )


@contextlib.contextmanager
def serve(folder: Path, free_port: Callable[[], int]) -> Iterator[BucketServer]:
    port = free_port()
    weed = Path(sys.executable).with_name("weed")
    command = [str(weed), "mini", "-dir", str(folder), "-ip", "127.0.0.1", "-ip.bind", "127.0.0.1"]
    # Without these it would tell its makers that it runs.
    command += ["-master.telemetry=false", "-webdav=false", "-admin.ui=false", "-s3.iam=false"]
    command += ["-s3.port", str(port)]
    for name in _PORTS:
        command += [f"-{name}", str(free_port())]
    folder.mkdir(parents=True)
    environment = {**os.environ, "AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET}
    with (folder.parent / "weed.log").open("wb") as log:
        process = subprocess.Popen(
            command, env=environment, cwd=folder, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            address = f"http://127.0.0.1:{port}"
            _wait(address, process, log.name)
            server = BucketServer(address=address)
            # The first object makes the bucket.
            obstore.put(server.bucket().open(), "made", b"")
            yield server
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(address: str, process: subprocess.Popen[bytes], log: str) -> None:
    until = time.monotonic() + _UP_WITHIN_S
    while process.poll() is None and time.monotonic() < until:
        try:
            urllib.request.urlopen(f"{address}/status", timeout=2).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"the bucket's server did not come up:\n{Path(log).read_text()[-2000:]}")
