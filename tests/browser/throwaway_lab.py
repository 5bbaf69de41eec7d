"""Start a JupyterLab that asks nothing, keeps to itself and can be thrown away."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
# Off: what asks the network or the person something, and what takes cells off the page that
# are scrolled out of sight.
SETTINGS = {
    "@jupyterlab/apputils-extension/notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
    "@jupyterlab/docmanager-extension/plugin": {"autosave": False},
}


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab: the folder it shows and where it listens."""

    folder: Path
    port: int
    token: str

    def address(self, notebook: str) -> str:
        """Of one notebook in a workspace of its own: no other notebook is restored beside it,
        which would take the menu's clicks."""
        place = f"lab/workspaces/{Path(notebook).stem}/tree/{notebook}"
        return f"http://127.0.0.1:{self.port}/{place}?token={self.token}"


def command(lab: Lab) -> list[str]:
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", f"--port={lab.port}"]
    command += [f"--IdentityProvider.token={lab.token}", f"--ServerApp.root_dir={lab.folder}"]
    command += ["--ServerApp.port_retries=0", "--ServerApp.ip=127.0.0.1"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    return command


def environment(home: Path) -> dict[str, str]:
    """The person's own Jupyter settings and history stay out of it."""
    settings = home / "settings"
    for name, values in SETTINGS.items():
        path = settings / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))
    folders = {
        "JUPYTER_CONFIG_DIR": home / "config",
        "JUPYTER_DATA_DIR": home / "data",
        "JUPYTER_RUNTIME_DIR": home / "runtime",
        "JUPYTERLAB_SETTINGS_DIR": settings,
        "JUPYTERLAB_WORKSPACES_DIR": home / "workspaces",
        "IPYTHONDIR": home / "ipython",
    }
    known = os.environ.get("PYTHONPATH")
    path = str(REPOSITORY) if not known else f"{REPOSITORY}{os.pathsep}{known}"
    return {**os.environ, **{key: str(value) for key, value in folders.items()}, "PYTHONPATH": path}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def stop_kernels(lab: Lab) -> None:
    """End what is still running in the notebooks that were opened."""
    address = f"http://127.0.0.1:{lab.port}/api/sessions"
    with urllib.request.urlopen(f"{address}?token={lab.token}", timeout=10) as answer:
        sessions = json.load(answer)
    for session in sessions:
        one = f"{address}/{session['id']}?token={lab.token}"
        urllib.request.urlopen(urllib.request.Request(one, method="DELETE"), timeout=20).close()


def wait_until_up(lab: Lab, server: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        try:
            urllib.request.urlopen(
                f"http://127.0.0.1:{lab.port}/api/status?token={lab.token}", timeout=5
            ).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    pytest.fail(f"JupyterLab did not start; its last words:\n{log.read_text()[-2000:]}")
