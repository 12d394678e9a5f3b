"""Every page for those who see little, use no mouse or have a small screen: names, alternatives, contrast, width, keys.

By axe, and by checks of our own where that looks away: contrast within drawings, text alternatives and names of what is
drawn (WCAG 2.2, 1.1.1, 1.4.3, 4.1.2), width. One tab walks through all pages of a server of this module's own.
"""

import os
import re
import subprocess
import sys

import pytest

from core.jobs.inline import InlineExecutor
from core.jobs.submit import submit
from core.runs.store import Store
from core.variants import run_config

pytestmark = pytest.mark.browser
PATIENCE = 120_000
IDLE = """() => { const app = document.querySelector('[data-testid=stApp]');
  return app?.dataset.testScriptState === 'notRunning' && app?.dataset.testConnectionState === 'CONNECTED'
    && !document.querySelector('[data-testid=stMain] [data-stale=true], [data-testid=stSkeleton]') }"""

PAGES = {
    "overview": "/",
    "tour": "/?part=tour&step=3",
    "glossary": "/?part=glossary",
    "data": "/data?dataset=digits",
    "augment": "/augment?dataset=digits",
    "train": "/train?dataset=digits&variants=dense-base",
    "runs": "/runs?runs={ids}",
    "compare": "/compare?dataset=digits",
    "evaluate": "/evaluate?runs={one}&cell=8-any",
    "errors": "/errors?runs={ids}&right=no",
    "predict": "/predict?runs={one}",
}

# Shared by the checks: every element that is seen, in shadow trees too, and ways up through them.
SEEN = """
  const up = one => one.parentElement || (one.getRootNode() instanceof ShadowRoot ? one.getRootNode().host : null);
  const above = (one, test) => { for (let at = one; at; at = up(at)) if (test(at)) return at; return null; };
  const all = []; const gather = root => { for (const one of root.querySelectorAll('*')) {
    all.push(one); if (one.shadowRoot) gather(one.shadowRoot); } };
  gather(document.body);
  const isSeen = one => one.checkVisibility({ opacityProperty: true, visibilityProperty: true })
    && (box => box.width > 1 && box.height > 1)(one.getBoundingClientRect());
  const isHidden = one => above(one, at => at.getAttribute('aria-hidden') === 'true');
  const seen = all.filter(one => isSeen(one) && !isHidden(one));
  const nameOf = one => {
    const root = one.getRootNode();
    const by = (one.getAttribute('aria-labelledby') || '').split(' ').map(id => id && root.getElementById(id)?.textContent);
    const words = [one.getAttribute('aria-label'), ...by, one.getAttribute('alt'), one.title, one.placeholder,
      ...[...(one.labels || [])].map(label => label.textContent), one.querySelector?.(':scope > title')?.textContent,
      one.matches('input, select, textarea') ? '' : one.textContent,
      ...[...one.querySelectorAll('[alt], [aria-label]')].map(in_ => in_.getAttribute('alt') || in_.getAttribute('aria-label'))];
    return words.map(text => (text || '').trim()).find(text => text) || '';
  };
  const shown = one => one.outerHTML.slice(0, 160);
"""

WITHOUT_NAME = f"""() => {{ {SEEN}
  const kinds = 'button, a[href], input:not([type=hidden]), select, textarea, [role=button], [role=link], [role=checkbox], '
    + '[role=radio], [role=slider], [role=combobox], [role=listbox], [role=tab], [role=switch]';
  return seen.filter(one => one.matches(kinds) && !nameOf(one)).map(shown); }}"""

WITHOUT_ALTERNATIVE = f"""() => {{ {SEEN}
  const pictures = seen.filter(one => one.matches('img, canvas, [role=img], .js-plotly-plot'));
  const isTold = one => (one.matches('img') && one.getAttribute('alt'))
    || above(one, at => at.getAttribute('aria-label') || at.matches('button, a[href], [role=button]'))
    || one.matches('canvas') && one.querySelector('table, [role=grid]')
    || above(one, at => at.matches('[data-testid=stIconMaterial]'));
  return pictures.filter(one => !isTold(one)).map(shown); }}"""

LOW_CONTRAST = f"""() => {{ {SEEN}
  const paint = document.createElement('canvas').getContext('2d', {{ willReadFrequently: true }});
  const colour = text => {{ paint.clearRect(0, 0, 1, 1); paint.fillStyle = '#000'; paint.fillStyle = text;
    paint.fillRect(0, 0, 1, 1); const [r, g, b, a] = paint.getImageData(0, 0, 1, 1).data; return [r, g, b, a / 255]; }};
  const over = ([r, g, b, a], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a), 1];
  const light = rgb => {{ const [r, g, b] = rgb.slice(0, 3).map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; }};
  const found = [];
  for (const one of seen) {{
    const text = [...one.childNodes].filter(node => node.nodeType === 3).map(node => node.textContent.trim()).join(' ').trim();
    // Signs are not read; what is off may be faint; a picture behind text has no one colour.
    if (!text || !/[\\p{{L}}\\p{{N}}]/u.test(text) || one.closest('[data-testid=stIconMaterial], style, script')) continue;
    if (above(one, at => at.disabled || at.getAttribute('aria-disabled') === 'true' || at.matches(':disabled'))) continue;
    const style = getComputedStyle(one), isDrawn = one instanceof SVGElement;
    const layers = []; let opacity = 1, isUnsure = false;
    for (let at = one; at; at = up(at)) {{
      const its = getComputedStyle(at);
      opacity *= Number(its.opacity);
      if (its.backgroundImage !== 'none') {{ isUnsure = true; break; }}
      const back = colour(its.backgroundColor);
      if (!(at instanceof SVGElement) && back[3] > 0) {{ layers.push(back); if (back[3] === 1) break; }}
    }}
    // Text within a bar or a cell stands on what is drawn below it.
    if (isUnsure || (isDrawn && one.closest('.plot, .barlayer, .hoverlayer, .heatmaplayer, .annotation'))) continue;
    const back = layers.reverse().reduce((under, layer) => over(layer, under), [255, 255, 255, 1]);
    const ink = colour(isDrawn ? style.fill : style.color);
    const front = over([...ink.slice(0, 3), ink[3] * opacity], back);
    const [low, high] = [light(front), light(back)].sort((a, b) => a - b);
    const ratio = (high + 0.05) / (low + 0.05), size = parseFloat(style.fontSize);
    const least = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700) ? 3 : 4.5;
    if (ratio < least - 0.01) found.push(`${{ratio.toFixed(2)}}: ${{text.slice(0, 50)}} <${{one.tagName}} ${{one.className}}>`);
  }}
  return [...new Set(found)]; }}"""

TOO_WIDE = """() => { const main = document.querySelector('[data-testid=stMain]');
  return Math.max(0, main.scrollWidth - main.clientWidth) }"""


@pytest.fixture(scope="module")
def walk(browser, tmp_path_factory):
    """A tab on a server of its own, with two finished runs; returns it with the addresses of the pages."""
    folder = tmp_path_factory.mktemp("accessible")
    store, data = Store(folder / "runs"), folder / "data"
    for seed in (0, 1):
        config = run_config({"name": "digits"}, "dense-base", {"training.max_epochs": 3})
        submit(store, InlineExecutor(store, data), config.dataset.load(data), config, seed)
    ids = [run.id for run in store.runs()]
    addresses = {
        name: address.format(ids=",".join(ids), one=ids[0]) for name, address in PAGES.items()
    }
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "dashboard.serve", "--runs", str(store.root), "--data", str(data)],
            stdout=subprocess.PIPE, stderr=log, text=True,
            env=os.environ | {"PETRIDISH_WAITS": '{"runner_idle": 1}'},
        )  # fmt: skip
        try:
            found = re.fullmatch(r"Petridish is at (\S+)\n", server.stdout.readline())
            assert found, (folder / "log").read_text()
            context = browser.new_context(
                base_url=found[1], viewport={"width": 1280, "height": 720}
            )
            tab = context.new_page()
            tab.set_default_timeout(PATIENCE)
            yield tab, addresses
            context.close()
        finally:
            server.terminate()
            server.communicate(timeout=60)


def settled(tab):
    tab.wait_for_function(IDLE)
    # What is drawn after the script has ended; only what is there is judged, so that waiting longer changes nothing.
    tab.wait_for_timeout(500)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_can_be_read_and_used_by_all(walk, violations, name):
    tab, addresses = walk
    tab.set_viewport_size({"width": 1280, "height": 720})
    tab.emulate_media(color_scheme="light")
    tab.goto(addresses[name])
    tab.locator("h1").first.wait_for()
    settled(tab)
    found = {
        "pages' errors": tab.locator("[data-testid=stException]").count(),
        "headings": tab.locator("h1").count() - 1,
        "language": [] if tab.locator("html").get_attribute("lang") else ["none"],
        "without a name": tab.evaluate(WITHOUT_NAME),
        "pictures without words": tab.evaluate(WITHOUT_ALTERNATIVE),
        "faint when light": tab.evaluate(LOW_CONTRAST),
        "axe": violations(tab),
        "too wide on a projector": tab.evaluate(TOO_WIDE),
    }
    tab.emulate_media(color_scheme="dark")
    if tab.locator(".js-plotly-plot").count():
        # A figure has the colours of the page that it was made for until it is made anew.
        tab.reload()
        tab.locator("h1").first.wait_for()
    tab.wait_for_function(
        "() => getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor === 'rgb(20, 24, 28)'"
    )
    settled(tab)
    found["faint when dark"] = tab.evaluate(LOW_CONTRAST)
    found["axe when dark"] = violations(tab)
    tab.set_viewport_size({"width": 820, "height": 1180})
    settled(tab)
    found["too wide on a tablet"] = tab.evaluate(TOO_WIDE)
    assert {what: seen for what, seen in found.items() if seen} == {}


def test_the_checks_find_what_they_are_for(walk, violations):
    tab, addresses = walk
    tab.emulate_media(color_scheme="light")
    tab.goto(addresses["glossary"])
    tab.locator("h1").first.wait_for()
    settled(tab)
    tab.evaluate("""() => { const one = document.createElement('div');
      one.innerHTML = '<button style="width:20px;height:20px"></button><p style="color:#999;background:#fff">bait</p>'
        + '<img width="9" height="9"><div style="width:3000px">wide</div>';
      document.querySelector('[data-testid=stMainBlockContainer]').append(one) }""")
    assert len(tab.evaluate(WITHOUT_NAME)) == 1
    assert len(tab.evaluate(WITHOUT_ALTERNATIVE)) == 1
    assert [one for one in tab.evaluate(LOW_CONTRAST) if "bait" in one]
    assert tab.evaluate(TOO_WIDE) > 1000
    found = {one.partition(":")[0] for one in violations(tab)}
    assert {"button-name", "image-alt"} <= found


def test_the_tour_is_walked_with_keys_alone(walk):
    from playwright.sync_api import expect

    tab, addresses = walk
    tab.set_viewport_size({"width": 1280, "height": 720})
    tab.goto(addresses["overview"])
    expect(tab.get_by_role("heading", name="Overview")).to_be_visible()
    settled(tab)
    to_focus(tab, "Quick start")
    tab.keyboard.press("ArrowRight")
    tab.keyboard.press("Space")
    expect(tab.get_by_text("Step 1 of 8")).to_be_visible()
    settled(tab)
    to_focus(tab, "Next: Augment")
    tab.keyboard.press("Space")
    expect(tab.get_by_text("Step 2 of 8")).to_be_visible()
    tab.wait_for_url(re.compile("step=2"))


def to_focus(tab, words, most=60):
    """Move on by Tab until what says this has the focus, and see that it is marked."""
    focus = "document.activeElement"
    for _ in range(most):
        tab.keyboard.press("Tab")
        if tab.evaluate(
            f"words => {focus}.matches('button, a') && {focus}.textContent.includes(words)", words
        ):
            assert tab.evaluate(f"{focus}.matches(':focus-visible')")
            return
    raise AssertionError(f"{words!r} cannot be reached with the Tab key.")
