"""A headless Chromium that tests drive over its own pipe: DevTools messages, JSON ended by a NUL.

Real keys, real pointers, and whatever the page asked of a network or wrote to the console.
"""

import json
import os
import shutil
import subprocess
from base64 import b64decode
from select import select
from time import monotonic

PROGRAM = shutil.which("chromium")
ABSENT = "no chromium here: apt-get install chromium"
PATIENCE = 60  # seconds for one answer
OPTIONS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--hide-scrollbars",
    "--remote-debugging-pipe",
)  # fmt: skip
KEYS = {"ArrowLeft": 37, "ArrowRight": 39, "Home": 36, "End": 35, "Tab": 9, " ": 32}


class Browser:
    """One browser with one tab; `events` are the messages that nobody asked for."""

    def __init__(self, profile):
        hears, self._out = os.pipe()
        self._in, says = os.pipe()
        line = f'exec "$0" "$@" 3<&{hears} 4>&{says}'  # says, the fourth opened, is neither 3 nor 4
        words = [PROGRAM, *OPTIONS, f"--user-data-dir={profile}", "about:blank"]
        self._process = subprocess.Popen(
            ["bash", "-c", line, *words],
            pass_fds=(hears, says),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(hears)
        os.close(says)
        self._rest, self._last, self._session, self.events = b"", 0, None, []
        tab = self.ask("Target.createTarget", url="about:blank")["targetId"]
        session = self.ask("Target.attachToTarget", targetId=tab, flatten=True)["sessionId"]
        self._session = session
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def close(self):
        """End the browser, by force if it does not answer."""
        self._session = None
        try:
            self.ask("Browser.close")
            self._process.wait(PATIENCE)
        finally:
            self._process.kill()
            os.close(self._in)
            os.close(self._out)

    def ask(self, method, **parameters):
        """What the browser answers to a message."""
        self._last += 1
        message = {"id": self._last, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != self._last:
            self.events.append(answer)
        assert "error" not in answer, answer
        return answer["result"]

    def _next(self):
        until = monotonic() + PATIENCE
        while b"\0" not in self._rest:
            assert select([self._in], [], [], max(0.0, until - monotonic()))[0], "no answer"
            piece = os.read(self._in, 1 << 16)
            assert piece, "the browser has ended"
            self._rest += piece
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)

    def open(self, address, width=1000, height=900, dark=False):
        """A fresh look at a page, once it has drawn."""
        self.ask("Page.navigate", url="about:blank")
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=False,
        )  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", features=[scheme])
        self.events.clear()
        self.ask("Page.navigate", url=address)
        self.value(
            "new Promise(done => document.readyState === 'complete' ? done() : onload = done)"
        )
        self.settle()

    def settle(self):
        """Wait for two frames, so that what was to be drawn is."""
        self.value("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def value(self, expression):
        """What JavaScript gives in the page; doubles travel exactly."""
        answer = self.ask(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def press(self, key):
        """A key pressed and let go."""
        for kind in ("keyDown", "keyUp"):
            code = {"key": key, "code": key, "windowsVirtualKeyCode": KEYS[key]}
            self.ask("Input.dispatchKeyEvent", type=kind, **code)
        self.settle()

    def pointer(self, kind, x, y, buttons=0):
        """A pointer that moves, goes down or up at a place of the window."""
        button = "left" if buttons or kind == "mouseReleased" else "none"
        self.ask(
            "Input.dispatchMouseEvent",
            type=kind, x=x, y=y, button=button, buttons=buttons, clickCount=1,
        )  # fmt: skip
        self.settle()

    def click(self, x, y):
        """A click at a place of the window."""
        self.pointer("mousePressed", x, y, 1)
        self.pointer("mouseReleased", x, y)

    def middle(self, selector):
        """The middle of an element, scrolled into view."""
        return self.value(
            f"(e => (e.scrollIntoView({{block: 'center'}}), e = e.getBoundingClientRect(), "
            f"[e.x + e.width / 2, e.y + e.height / 2]))(document.querySelector({json.dumps(selector)}))"
        )

    def picture(self, path):
        """The whole page as a PNG."""
        answer = self.ask("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(b64decode(answer["data"]))

    def complaints(self):
        """Errors and whatever else the page wrote to the console."""
        kinds = ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded")
        return [event["params"] for event in self.events if event["method"] in kinds]

    def requests(self):
        """Addresses that were asked for."""
        return [
            event["params"]["request"]["url"]
            for event in self.events
            if event["method"] == "Network.requestWillBeSent"
        ]
