"""Opens a run's report in headless Chromium, as a reader without a network would, and looks at what happened.

What is checked: no error in the console, no request that leaves the page, the sections are there and hold something,
every picture is drawn, and nothing is wider than the window on a desktop or a telephone; text and marks stand out from
what is behind them in both themes as WCAG's level AA asks for; pictures tell of their places to pointer and keys; and
without JavaScript nothing is missing. Speaks the DevTools protocol over the browser's pipe, so that nothing but the
browser is needed.
"""

import argparse
import base64
import csv
import json
import os
import pathlib
import select
import shutil
import subprocess
import tempfile
import time

from tally import Tally

WIDTHS = (1280, 390)
THEMES = ("light", "dark")
MOST_BYTES = 2_000_000
PATIENCE_SECONDS = 120

# What a reader must find, as words of the headings or of the text: see README, "The report".
FACTS = """
(() => {
    const shown = it => { const box = it.getBoundingClientRect(); return box.width > 0 && box.height > 0; };
    return {
        title: document.title,
        language: document.documentElement.lang,
        headings: [...document.querySelectorAll('h1, h2, h3')].map(it => it.textContent.trim()),
        ids: [...document.querySelectorAll('[id]')].map(it => it.id),
        links: [...document.querySelectorAll('a[href^="#"]')].map(it => it.getAttribute('href').slice(1)),
        tables: [...document.querySelectorAll('table')].map(it => it.rows.length),
        charts: [...document.querySelectorAll('svg, img')].filter(shown).length,
        blank: [...document.querySelectorAll('svg')].filter(it => !it.closest('[hidden], details:not([open])')
            && it.querySelectorAll('path, polyline, polygon, line, rect, circle, text, use').length === 0).length,
        broken: [...document.images].filter(it => it.complete && it.naturalWidth === 0).length,
        unnamed: [...document.querySelectorAll('svg, img')].filter(it => shown(it) && !it.closest('[aria-hidden=true]')
            && !(it.getAttribute('aria-label') || it.getAttribute('aria-labelledby') || it.getAttribute('alt')
            || it.querySelector('title'))).length,
        text: document.body.innerText.slice(0, 200000),
    };
})()
"""
WIDER = """
(() => {
    const limit = document.documentElement.clientWidth, out = [];
    for (const it of document.querySelectorAll('body *')) {
        const box = it.getBoundingClientRect();
        if (box.right <= limit + 1 || box.width === 0) continue;
        let scrolls = false;
        for (let up = it.parentElement; up && up !== document.body; up = up.parentElement)
            if (['auto', 'scroll', 'hidden', 'clip'].includes(getComputedStyle(up).overflowX)) scrolls = true;
        if (!scrolls) out.push(`${it.tagName.toLowerCase()}.${it.getAttribute('class') || ''} ${Math.round(box.right)}`);
    }
    return {page: document.documentElement.scrollWidth, window: limit, out: out.slice(0, 5)};
})()
"""
# Texts that stand out too little from the nearest opaque background, and marks of charts from the paper (WCAG 1.4.3 and
# 1.4.11). What overlays a mark, such as a label on a band, is counted against the paper, too.
CONTRAST = """
(() => {
    const parse = colour => {
        const it = (colour.match(/[\\d.]+/g) || []).map(Number), whole = colour.startsWith('color(srgb') ? 255 : 1;
        return it.length < 3 ? null : [it[0] * whole, it[1] * whole, it[2] * whole, it[3] ?? 1];
    };
    const light = ([r, g, b]) => [r, g, b].map(it => it / 255).map(it => it <= 0.04045 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4)
        .reduce((sum, it, at) => sum + it * [0.2126, 0.7152, 0.0722][at], 0);
    const ratio = (one, other) => { const [high, low] = [light(one), light(other)].sort((a, b) => b - a); return (high + 0.05) / (low + 0.05); };
    const over = (top, under) => [0, 1, 2].map(at => top[at] * top[3] + under[at] * (1 - top[3])).concat(1);
    const behind = element => {
        const layers = [];
        for (let it = element; it; it = it.parentElement) {
            const colour = parse(getComputedStyle(it).backgroundColor);
            if (colour && colour[3] > 0) layers.push(colour);
            if (colour && colour[3] === 1) break;
        }
        return layers.reverse().reduce((under, top) => over(top, under), [255, 255, 255, 1]);
    };
    const found = {texts: 0, marks: 0, low: []};
    const note = (what, colour, paper, least) => {
        const is = ratio(over(colour, paper), paper);
        if (is < least) found.low.push(`${what} ${is.toFixed(2)}`);
    };
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
        const element = walk.currentNode.parentElement, words = walk.currentNode.textContent.trim();
        if (!words || ['SCRIPT', 'STYLE', 'OPTION'].includes(element.tagName) || !element.checkVisibility()) continue;
        const style = getComputedStyle(element), colour = parse(element.closest('svg') ? style.fill : style.color);
        if (!colour) continue;
        found.texts += 1;
        note(words.slice(0, 30), colour, behind(element), 4.5);
    }
    for (const mark of document.querySelectorAll('svg.whole [fill], svg.whole [stroke]')) {
        if (mark.tagName === 'text' || !mark.checkVisibility()) continue;
        const style = getComputedStyle(mark), paper = behind(mark);
        for (const paint of ['fill', 'stroke']) {
            const written = mark.getAttribute(paint), colour = parse(style[paint]);
            // Grid, axes and paper carry no meaning; shades and fillings are told by their outline or their neighbours.
            if (!colour || ['#FFFFFF', '#E4E7EB', '#9AA5B1'].includes(written) || Number(style[`${paint}Opacity`]) < 1) continue;
            found.marks += 1;
            note(`${mark.tagName} ${written}`, colour, paper, 3);
        }
    }
    return found;
})()
"""
# A picture with something to tell, in the middle of the window.
TELLING = """
(() => {
    const picture = document.querySelectorAll('figure svg.whole')[%d];
    picture.scrollIntoView({block: 'center', behavior: 'instant'});
    const box = picture.getBoundingClientRect(), told = JSON.parse(picture.closest('figure').querySelector('.told').textContent);
    const row = (told.bins || [])[0], at = row && row.shares.findIndex(share => share > 0);
    const [x, y] = row ? [row.left + row.width * (at + 0.5), (row.top + row.bottom) / 2] : told.spots[0];
    const scale = box.width / picture.viewBox.baseVal.width * 4;
    return [box.left + x * scale, box.top + y * scale];
})()
"""
# Two sizes under nine loads, the figures of one of them 0 ns; then nothing but 0 ns.
EXPLORED = """
(() => {
    const levels = [...Array(9).keys()].map(String), figure = document.querySelector('#explore figure');
    const explored = of => {
        const cells = [0, 1].flatMap(size => levels.map((_, load) => [[size, load], 0, [of(load), of(load)]]));
        const factors = [{name: 'size', levels: ['a', 'b']}, {name: 'load', levels}];
        explore({metrics: ['mean', 'p50'], factors, series: 1, targets: ['mmap'], cells});
        return {note: figure.querySelector('.note')?.textContent ?? '', text: figure.textContent,
            dots: figure.querySelectorAll('.dot').length, wrong: /NaN|Infinity/.test(figure.innerHTML)};
    };
    return [explored(load => [100 * load, 90 * load, 110 * load]), explored(() => [0, 0, 0])];
})()
"""
# Of two targets the first has one call and two loads, the second two calls.
ASKED = """
(() => {
    const form = document.querySelector('#explore form'), figure = document.querySelector('#explore figure');
    form.replaceChildren();
    const cells = [0, 1].flatMap(load => [[0, 0], [1, 1], [2, 1]].map(([call, target]) => [[call, load], target, [[5], [5]]]));
    const factors = [{name: 'call', levels: ['getpid', 'open', 'read']}, {name: 'load', levels: ['idle', 'busy']}];
    explore({metrics: ['mean', 'p50'], factors, series: 1, targets: ['getpid', 'files'], cells});
    const [target, , along] = form.querySelectorAll('select');
    const asked = () => ({along: along.selectedOptions[0].text, offered: [...along.options].filter(it => !it.hidden).map(it => it.text),
        text: figure.textContent, dots: figure.querySelectorAll('.dot').length});
    const first = asked();
    target.value = 1;
    target.dispatchEvent(new Event('change'));
    const second = asked();
    along.value = 0;
    along.dispatchEvent(new Event('change'));
    return [first, second, asked()];
})()
"""
TIP = "document.querySelector('.tip').hidden ? '' : document.querySelector('.tip').textContent"


class Browser:
    """A headless Chromium and the one page in it; the messages that came meanwhile are kept in `events`."""

    def __init__(self, program, profile):
        to_browser, self.write_end = os.pipe()
        self.read_end, from_browser = os.pipe()
        command = [
            program, "--headless", "--disable-gpu", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars",
            f"--user-data-dir={profile}", "--remote-debugging-pipe",
        ]
        if os.geteuid() == 0:
            command.insert(1, "--no-sandbox")

        def hand_over():
            # The browser listens on descriptor 3 and answers on 4; copies first, as the numbers may overlap.
            ours, theirs = os.dup(to_browser), os.dup(from_browser)
            high = [os.dup2(ours, 100), os.dup2(theirs, 101)]
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)

        self.process = subprocess.Popen(
            command, preexec_fn=hand_over, pass_fds=(3, 4), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        os.close(to_browser)
        os.close(from_browser)
        self.events, self.answers, self.buffer, self.number, self.session = [], {}, b"", 0, None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]

    def call(self, method, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.write_end, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.number not in self.answers:
            self.receive(deadline)
        answer = self.answers.pop(self.number)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def receive(self, deadline):
        """Takes in what the browser said next."""
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([self.read_end], [], [], left)[0]:
            raise TimeoutError("the browser does not answer")
        part = os.read(self.read_end, 1 << 20)
        if not part:
            raise RuntimeError("the browser ended")
        *messages, self.buffer = (self.buffer + part).split(b"\0")
        for message in map(json.loads, messages):
            if "id" in message:
                self.answers[message["id"]] = message
            else:
                self.events.append(message)

    def wait_for(self, method):
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not any(event["method"] == method for event in self.events):
            self.receive(deadline)

    def evaluate(self, expression):
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"].get("text", "the expression failed"))
        return answer["result"].get("value")

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def complaints(events):
    """What a reader would find in the console."""
    for event in events:
        parameters = event["params"]
        if event["method"] == "Runtime.exceptionThrown":
            yield parameters["exceptionDetails"].get("text")
        elif event["method"] == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "assert", "warning"):
            yield " ".join(str(it.get("value", it.get("description"))) for it in parameters["args"])
        elif event["method"] == "Log.entryAdded" and parameters["entry"]["level"] in ("error", "warning"):
            yield parameters["entry"]["text"]


def leaving(events, folder):
    """Requests for anything but the page itself and what is embedded in it."""
    for event in events:
        if event["method"] == "Network.requestWillBeSent":
            url = event["params"]["request"]["url"]
            if not url.startswith(("data:", "blob:", "about:", folder.as_uri() + "/")):
                yield url


def check_widths(tally, browser, pictures, name):
    for width in WIDTHS:
        browser.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600
        )
        browser.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        found = browser.evaluate(WIDER)
        fits = found["page"] <= width and not found["out"]
        tally.check(fits, f"nothing is wider than {width} px", found)
        picture = browser.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        path = pictures / f"{name}-{width}.png"
        path.write_bytes(base64.b64decode(picture["data"]))
        print(f"report: {path}")


def check_content(tally, browser, wanted):
    facts = browser.evaluate(FACTS)
    tally.check(facts["title"], "the page has a title")
    tally.check(facts["language"], "the page names its language")
    tally.check(facts["charts"] >= 4, "there are charts", facts["charts"])
    tally.check(facts["blank"] == 0, "every chart draws something", facts["blank"])
    tally.check(facts["broken"] == 0, "every picture is shown", facts["broken"])
    tally.check(facts["unnamed"] == 0, "every chart has a name for those who do not see it", facts["unnamed"])
    tally.check(any(rows > 1 for rows in facts["tables"]), "there is a table with rows", facts["tables"])
    dangling = [link for link in facts["links"] if link and link not in facts["ids"]]
    tally.check(not dangling, "links within the page lead somewhere", dangling)
    text = facts["text"].lower()
    for words in wanted:
        found = any(word.strip().lower() in text for word in words.split("|"))
        tally.check(found, f"the report speaks of “{words}”", facts["headings"])
    for nonsense in ("NaN", "undefined", "Some(", "None)"):
        tally.check(nonsense not in facts["text"], f"the report has no “{nonsense}”")


def check_pictures(tally, folder):
    """Every chart is also there as a file of its own, to be pasted elsewhere."""
    drawings, pixels = sorted(folder.glob("*.svg")), sorted(folder.glob("*.png"))
    tally.check(drawings, "charts are there as SVG")
    tally.check([it.stem for it in drawings] == [it.stem for it in pixels], "every SVG has its PNG", pixels)
    for path in drawings:
        tally.check("<svg" in path.read_text()[:1000], f"{path.name} is an SVG")
    for path in pixels:
        tally.check(path.read_bytes().startswith(b"\x89PNG\r\n\x1a\n"), f"{path.name} is a PNG")


def check_data(tally, browser, folder):
    """Every picture leads to its files, and they are there; CSV has as many cells in each row as in its heading."""
    links = browser.evaluate("[...document.querySelectorAll('figure .files a')].map(it => decodeURI(it.getAttribute('href')))")
    missing = [link for link in links if not (folder / link).is_file()]
    tally.check(links and not missing, "links to pictures and data lead to files", missing[:3])
    for path in sorted(folder.glob("*.csv")):
        with path.open(newline="") as file:
            heading, *rows = csv.reader(file)
        tally.check(all(heading) and rows, f"{path.name} has headings and rows", heading)
        tally.check(all(len(row) == len(heading) for row in rows), f"every row of {path.name} is whole")


def check_contrast(tally, browser, pictures, name):
    for theme in THEMES:
        browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])
        found = browser.evaluate(CONTRAST)
        tally.check(found["texts"] > 100 and found["marks"] > 20, "texts and marks were looked at", found)
        tally.check(not found["low"], f"everything stands out in the {theme} theme", found["low"][:5])
        picture = browser.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        path = pictures / f"{name}-{theme}.png"
        path.write_bytes(base64.b64decode(picture["data"]))
        print(f"report: {path}")
    browser.call("Emulation.setEmulatedMedia", features=[])


def check_telling(tally, browser):
    """Pictures tell of their places: to the pointer, and to who has only keys."""
    count = browser.evaluate("document.querySelectorAll('figure svg.whole').length")
    for index in range(count):
        if not browser.evaluate(f"document.querySelectorAll('figure svg.whole')[{index}].checkVisibility()"):
            continue
        x, y = browser.evaluate(TELLING % index)
        browser.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        tally.check(browser.evaluate(TIP), f"picture {index} tells of a place that is pointed at")
        browser.call("Input.dispatchMouseEvent", type="mouseMoved", x=1, y=1)
        browser.evaluate(f"document.querySelectorAll('figure svg.whole')[{index}].focus({{focusVisible: true}})")
        browser.call("Input.dispatchKeyEvent", type="keyDown", key="ArrowRight")
        tally.check(browser.evaluate(TIP), f"picture {index} tells of a place to the arrow keys")
        browser.call("Input.dispatchKeyEvent", type="keyDown", key="Escape")
        tally.check(not browser.evaluate(TIP), f"picture {index} stops telling at Escape")
    controls = "[...document.querySelectorAll('select, button')].filter(it => it.checkVisibility() && !it.labels?.length && !it.textContent.trim()).length"
    tally.check(browser.evaluate(controls) == 0, "every control has a name")
    for what in ("a", "button, summary", "select, svg.whole", ".scroll"):
        seen = f"[...document.querySelectorAll('{what}')].filter(it => it.checkVisibility()).map(it => {{" \
            "it.focus({focusVisible: true}); return document.activeElement === it && getComputedStyle(it).outlineStyle; })"
        unseen = [style for style in browser.evaluate(seen) if style in (False, "none")]
        tally.check(not unseen, f"the focus is seen on {what}", unseen[:3])
    landmarks = browser.evaluate("['header', 'nav', 'main', 'footer'].filter(it => document.querySelectorAll(it).length !== 1)")
    tally.check(not landmarks, "there is one of each landmark", landmarks)


def check_exploring(tally, browser):
    """What a reader asks for is drawn also where figures are 0 ns, and what is left out is said."""
    some, none = browser.evaluate(EXPLORED)
    tally.check("load 1, 3, 5, 7." in some["note"], "levels that are left out are named", some["note"])
    tally.check(some["dots"] == 5 * 3 and not some["wrong"], "figures of 0 ns have a place", some)
    tally.check("every figure is 0 ns" in none["text"], "nothing but 0 ns is said, not drawn", none)
    one, two, calls = browser.evaluate(ASKED)
    tally.check(one["along"] == "load" and one["offered"] == ["load"], "what a target has is asked for", one)
    tally.check("open" not in one["text"] and one["dots"] == 2 + 1, "levels of other targets are left out", one)
    tally.check(two["along"] == "load" and two["offered"] == ["call", "load"], "the choice stays where it can", two)
    tally.check("getpid" not in calls["text"] and calls["dots"] == 2 * (2 + 1), "so they are of the other one", calls)


def check_without_script(tally, browser, page):
    """Whoever has no JavaScript misses nothing but what goes beyond the pictures."""
    whole = "[...document.querySelectorAll('figure svg.whole')].map(it => it.querySelectorAll('*').length)"
    with_script = browser.evaluate(whole)
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    browser.events.clear()
    browser.call("Page.navigate", url=page.as_uri())
    browser.wait_for("Page.loadEventFired")
    # The tools' own expressions still run.
    tally.check(browser.evaluate(whole) == with_script, "without JavaScript every picture is there")
    shown = "document.querySelector('#explore').checkVisibility()"
    tally.check(browser.evaluate(shown) is False, "without JavaScript there are no controls that do nothing")
    closed = "[...document.querySelectorAll('.views > details')].filter(it => !it.querySelector('summary').checkVisibility()).length"
    tally.check(browser.evaluate(closed) == 0, "without JavaScript every cell can be unfolded")
    browser.call("Emulation.setScriptExecutionDisabled", value=False)


def check_print(tally, browser):
    """The report can be printed: a lab's hand-in is often paper."""
    pdf = base64.b64decode(browser.call("Page.printToPDF", printBackground=True)["data"])
    tally.check(pdf.startswith(b"%PDF"), "the report prints")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=pathlib.Path, help="a run's folder")
    parser.add_argument("--pictures", type=pathlib.Path, required=True, help="where screenshots go")
    parser.add_argument("--speaks-of", nargs="*", default=[], help="words, alternatives parted by |")
    arguments = parser.parse_args()
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        parser.exit(1, "report: no Chromium on PATH (Debian: chromium)\n")

    page = (arguments.run / "report" / "index.html").resolve(strict=True)
    arguments.pictures.mkdir(parents=True, exist_ok=True)
    manifest = json.loads((arguments.run / "manifest.json").read_text())
    tally = Tally("report")
    size = page.stat().st_size
    tally.check(size < MOST_BYTES, f"the page is smaller than {MOST_BYTES:,} bytes", size)
    print(f"report: the page has {size:,} bytes")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        # A copy alone in a folder: what the page needs besides itself would be missing there.
        alone = pathlib.Path(scratch, "alone", "index.html")
        alone.parent.mkdir()
        shutil.copy(page, alone)
        browser = Browser(program, pathlib.Path(scratch, "profile"))
        try:
            for domain in ("Page", "Runtime", "Log", "Network"):
                browser.call(f"{domain}.enable")
            browser.call("Page.navigate", url=alone.as_uri())
            browser.wait_for("Page.loadEventFired")
            own = [manifest["scenario"]["name"], *manifest["scenario"]["syscalls"], manifest["probe"]["backend"]]
            # What each backend costs.
            own += [f"This probe ({it['backend']}) adds" for it in manifest["probe"].get("calibrations", [])]
            check_content(tally, browser, own + [manifest["environment"]["kernel_release"]] + arguments.speaks_of)
            check_widths(tally, browser, arguments.pictures, manifest["scenario"]["name"])
            browser.call("Emulation.setDeviceMetricsOverride", width=1280, height=900, deviceScaleFactor=1, mobile=False)
            check_contrast(tally, browser, arguments.pictures, manifest["scenario"]["name"])
            check_telling(tally, browser)
            check_data(tally, browser, page.parent)
            check_print(tally, browser)
            check_exploring(tally, browser)
            check_pictures(tally, page.parent)
            found = list(complaints(browser.events))
            tally.check(not found, "the console is silent", found[:3])
            found = list(leaving(browser.events, alone.parent))
            tally.check(not found, "no request leaves the page", found[:3])
            check_without_script(tally, browser, alone)
        finally:
            browser.close()
    tally.end()


if __name__ == "__main__":
    main()
