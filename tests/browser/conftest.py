"""A JupyterLab and a browser of their own for the tests in this folder."""

import secrets
import subprocess
from collections.abc import Iterator

import pytest
from throwaway_lab import Lab, command, environment, free_port, wait_until_up


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    pytest.importorskip("jupyterlab")
    home = tmp_path_factory.mktemp("jupyter")
    folder = tmp_path_factory.mktemp("lab")
    lab = Lab(folder, free_port(), secrets.token_hex(16))
    log_path = home / "lab.log"
    with log_path.open("w") as log:
        server = subprocess.Popen(
            command(lab), env=environment(home), cwd=folder, stdout=log, stderr=log
        )
        try:
            wait_until_up(lab, server, log_path)
            yield lab
        finally:
            server.terminate()
            try:
                server.wait(timeout=20)
            except subprocess.TimeoutExpired:
                server.kill()


# Playwright's synchronous interface keeps an event loop running on the main thread for as long as
# it is open. It is closed with the module, or later tests that call asyncio.run fail.
@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[object]:
    sync_api = pytest.importorskip("playwright.sync_api")
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield browser
        browser.close()
