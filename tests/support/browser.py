"""A page in headless Chromium, looked into through the browser's own debugging protocol."""

import contextlib
import json
import subprocess
import urllib.request

from support.swap import until
from support.ws_raw import TEXT, WsRaw, frame


class Page:
    def __init__(self, port, path):
        self.ws, self.calls = WsRaw(port).connect(None, path=path), 0

    def evaluate(self, expression):
        """The value of a JavaScript expression in the page."""
        self.calls += 1
        call = {"id": self.calls, "method": "Runtime.evaluate", "params": {"expression": expression, "returnByValue": True}}
        self.ws.send(frame(TEXT, json.dumps(call).encode()))
        while True:
            answer = json.loads(self.ws.message()[1])
            if answer.get("id") == self.calls:
                return answer["result"]["result"].get("value")


@contextlib.contextmanager
def page(url, folder):
    """Opens `url`; `folder` is the browser's, for its profile."""
    process = subprocess.Popen(
        ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-port=0",
         f"--user-data-dir={folder}", url], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    try:
        port_file = folder / "DevToolsActivePort"
        until(lambda: port_file.exists() and port_file.read_text().count("\n"), timeout=60)
        port = int(port_file.read_text().split()[0])

        def target():
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=60) as answer:
                return next((t for t in json.load(answer) if t["type"] == "page" and t["url"] == url), None)

        until(target, timeout=60)
        opened = Page(port, f"/devtools/page/{target()['id']}")
        with opened.ws:
            yield opened
    finally:
        process.kill()
        process.wait()
