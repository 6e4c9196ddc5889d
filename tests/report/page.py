#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The page of a run, opened in a headless Chromium.

usage: page.py TEST_REPORT LEAT

Runs of no second, one, twelve and an hour, merged, and without any connection; light and dark,
narrow and wide.  The browser logs every request a page makes (and may reach nobody); how a page is
laid out is told by a script that is put into a copy of it.  Prints TAP.
"""
import html
import itertools
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

OPEN_S = 300
DARK, LIGHT = 0, 1  # of blink's preferredColorScheme
WIDTHS = (400, 1900)  # a telephone's, a screen's
PICTURE = '<img src="http://198.18.0.99/x.png">'
INK = {LIGHT: "rgb(255, 255, 255)", DARK: "rgb(20, 23, 27)"}
# Texts of a plot that stand upon each other or leave it, and what the page is as a whole.
LOOK = """<script>
const bad = [];
for (const svg of document.querySelectorAll('svg')) {
  const box = svg.viewBox.baseVal;
  const texts = [...svg.querySelectorAll('text')].map(t => [t.textContent, t.getBBox()]);
  for (const [i, [text, a]] of texts.entries()) {
    if (a.x < 0 || a.y < 0 || a.x + a.width > box.width || a.y + a.height > box.height)
      bad.push(text + ' leaves its plot');
    for (const [other, b] of texts.slice(i + 1))
      if (a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height &&
          b.y < a.y + a.height)
        bad.push(text + ' stands upon ' + other);
  }
  for (const path of svg.querySelectorAll('path'))
    if (/NaN|inf/i.test(path.getAttribute('d')))
      bad.push('a line of no numbers');
}
const told = document.body.appendChild(document.createElement('pre'));
told.id = 'told';
told.textContent = JSON.stringify({bad,
  plots: document.querySelectorAll('svg').length,
  over: document.documentElement.scrollWidth - window.innerWidth,
  back: getComputedStyle(document.body).backgroundColor});
</script>"""


class Browser:
    def __init__(self, folder):
        self.path = shutil.which("chromium") or shutil.which("chromium-browser")
        self.folder = folder

    def open(self, page, width=1000, scheme=LIGHT):
        """The page as the browser has it in the end, and what the page asked others for."""
        with tempfile.TemporaryDirectory(dir=self.folder) as profile:
            log = Path(profile) / "net.json"
            done = subprocess.run(
                [self.path, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
                 "--disable-dev-shm-usage", "--disable-background-networking",
                 "--disable-component-update", "--disable-sync",
                 "--host-resolver-rules=MAP * ~NOTFOUND", "--proxy-server=127.0.0.1:1",
                 f"--blink-settings=preferredColorScheme={scheme}", f"--window-size={width},1200",
                 f"--user-data-dir={profile}", f"--log-net-log={log}",
                 "--virtual-time-budget=1000", "--dump-dom", page.as_uri()],
                capture_output=True, text=True, check=False, timeout=OPEN_S)
            assert done.returncode == 0 and "</html>" in done.stdout, done.stderr[-2000:]
            told = json.loads(log.read_text())
        begun = told["constants"]["logEventTypes"]["URL_REQUEST_START_JOB"]
        asked = [e["params"] for e in told["events"]
                 if e["type"] == begun and "url" in e.get("params", {})]
        # What the browser itself asks for comes from no page.
        return done.stdout, [a["url"] for a in asked if a["initiator"] != "not an origin"]

    def look(self, page, width, scheme):
        """What LOOK tells of a copy of the page that may have a script."""
        text = re.sub(r"<meta http-equiv=\"Content-Security-Policy\"[^>]*>", "", page.read_text())
        copy = page.with_suffix(".look.html")
        copy.write_text(text.replace("</body>", LOOK + "</body>"))
        dom, _ = self.open(copy, width, scheme)
        return json.loads(html.unescape(re.search(r'<pre id="told">(.*?)</pre>', dom)[1]))


def stretched(run, seconds):
    """The run with its seconds again and again, or fewer of them."""
    rows = run["series"]["rows"]
    run["series"]["rows"] = [[float(i + 1), *rows[i % len(rows)][1:]] for i in range(seconds)]
    run["seconds"] = float(seconds)
    return run


def without_connections(run):
    columns = run["series"]["columns"]
    run["verdict"] = "fail"
    for row in run["series"]["rows"]:
        for i, name in enumerate(columns):
            if name not in ("t", "planned", "started", "failed"):
                row[i] = 0
    for kind, hist in run["latency"].items():
        if isinstance(hist, dict):
            hist.update({k: [] if k == "slots" else "" if k == "hdr" else 0 for k in hist})
    return run


def make_pages(program, leat, folder):
    def drawn(seed):
        return json.loads(subprocess.check_output([program, "--json", str(seed)]))

    runs = {"no second": stretched(drawn(1), 0), "one second": stretched(drawn(2), 1),
            "as drawn": drawn(3), "an hour": stretched(drawn(4), 3600),
            "nobody answers": without_connections(drawn(5))}
    strange = drawn(6)
    strange["name"] = "x" * 200 + "<b>"
    runs["a long name"] = strange
    for name, run in runs.items():
        path = folder / (name.replace(" ", "-") + ".json")
        path.write_text(json.dumps(run))
        subprocess.run([leat, "report", "html", path, "-o", path.with_suffix(".html")], check=True)
    return {name: folder / (name.replace(" ", "-") + ".html") for name in runs}


def a_request_of_a_page_is_seen(browser, _):
    page = browser.folder / "asks.html"
    page.write_text(f"<!doctype html><html><body>{PICTURE}</body></html>")
    _, asked = browser.open(page)
    assert asked == ["http://198.18.0.99/x.png"], asked


def no_page_of_a_run_asks_for_anything(browser, pages):
    for name, page in pages.items():
        dom, asked = browser.open(page)
        assert not asked, f"{name}: {asked}"
        assert dom.count("<svg") == 5, name


def nor_would_it_if_something_got_into_it(browser, pages):
    page = browser.folder / "intruder.html"
    page.write_text(pages["as drawn"].read_text().replace("</body>", PICTURE + "</body>"))
    dom, asked = browser.open(page)
    assert "x.png" in dom and not asked, asked


def texts_of_plots_have_room_at_every_width(browser, pages):
    for (name, page), width in itertools.product(pages.items(), WIDTHS):
        told = browser.look(page, width, LIGHT)
        assert (told["plots"], told["bad"]) == (5, []), f"{name}, {width} wide: {told}"
        assert told["over"] <= 0, f"{name}, {width} wide: {told['over']} too wide"


def a_page_is_light_or_dark_as_its_reader_has_it(browser, pages):
    for scheme, ink in INK.items():
        told = browser.look(pages["as drawn"], 1000, scheme)
        assert told["back"] == ink, told


TESTS = (a_request_of_a_page_is_seen, no_page_of_a_run_asks_for_anything,
         nor_would_it_if_something_got_into_it, texts_of_plots_have_room_at_every_width,
         a_page_is_light_or_dark_as_its_reader_has_it)


def why_not(browser):
    """Why there is no browser to open a page with; None: there is."""
    if not browser.path:
        return "needs the program chromium"
    page = browser.folder / "empty.html"
    page.write_text("<!doctype html><html></html>")
    try:
        browser.open(page)
    except (AssertionError, OSError, subprocess.SubprocessError) as error:
        return f"chromium does not run here: {str(error).strip().splitlines()[-1:]}"
    return None


def main():
    program, leat = sys.argv[1:3]
    with tempfile.TemporaryDirectory() as folder:
        browser = Browser(Path(folder))
        reason = why_not(browser)
        if reason:
            print("1..0 # SKIP", reason)
            return
        pages = make_pages(program, leat, browser.folder)
        print(f"1..{len(TESTS)}")
        for number, test in enumerate(TESTS, 1):
            name = test.__name__.replace("_", " ")
            try:
                test(browser, pages)
                print(f"ok {number} - {name}", flush=True)
            except (AssertionError, subprocess.SubprocessError, OSError, ValueError) as error:
                text = f"{type(error).__name__}: {error}".replace("\n", "\n# ")
                print(f"not ok {number} - {name}\n# {text}", flush=True)


if __name__ == "__main__":
    main()
