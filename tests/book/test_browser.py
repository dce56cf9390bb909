"""Mira cada página del libro construido en un navegador: a lo ancho y en un teléfono, clara y oscura.

Lo llama `make libro`.  Sin Chromium ni Chrome se omite (en la integración continua, falla).
"""

import functools
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import axe_playwright_python
import pytest

ROOT = Path(__file__).resolve().parents[2]
HTML = ROOT / "_build" / "html"
AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js")
pytestmark = [
    pytest.mark.html,
    pytest.mark.skipif(not (HTML / "index.html").is_file(), reason="no hay libro que mirar: constrúyalo antes"),
]

WIDTHS = {"escritorio": 1280, "teléfono": 390}
SCHEMES = {"claro": "light", "oscuro": "dark"}
PAGE_BYTES = 5_000_000  # lo que puede pedir una página al abrirse
BOOK_BYTES = 150_000_000
PAGES = sorted(path.relative_to(HTML).as_posix() for path in [*HTML.glob("*.html"), *(HTML / "book").rglob("*.html")])
PAGES = [name for name in PAGES if name != "index.html"]  # solo lleva a la portada

# Todo lo plegado se revisa también; y la etiqueta de un botón debe contener lo que se lee en él.
OPEN = "document.querySelectorAll('details').forEach(folded => { folded.open = true; })"
RUN_AXE = """async () => {
  const options = {preload: false, resultTypes: ['violations'],
                   rules: {'label-content-name-mismatch': {enabled: true}}};
  const found = (await axe.run(document, options)).violations;
  return found.flatMap(rule => rule.nodes.map(
    node => `${rule.id} (${rule.impact}): ${node.html.slice(0, 120)} · ${node.failureSummary.slice(0, 160)}`));
}"""
# Lo que se sale de la página por la derecha sin poder deslizarse dentro de su propio espacio.
OVERFLOW = """() => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return [];
  const slides = element => getComputedStyle(element).overflowX !== 'visible';
  const inside = element => element !== document.body && (slides(element) || inside(element.parentElement));
  return [...document.querySelectorAll('main *')]
    .filter(e => e.getBoundingClientRect().right > width + 1 && !inside(e))
    .slice(0, 5).map(e => `${e.tagName} ${e.className}: ${e.textContent.trim().slice(0, 60)}`);
}"""
READY = "() => !window.MathJax || MathJax.startup.promise.then(() => true)"


@pytest.fixture(scope="module")
def site():
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=HTML)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture
def tab(browser, site):
    """Una pestaña que anota lo que sale mal: `tab.faults`."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.faults = []
    page.on("console", lambda m: m.type in ("error", "warning") and page.faults.append(f"consola: {m.text}"))
    page.on("pageerror", lambda error: page.faults.append(f"error de JavaScript: {error}"))
    page.on("requestfailed", lambda request: page.faults.append(f"no llegó {request.url}"))
    page.on("response", lambda answer: answer.status >= 400 and page.faults.append(f"{answer.status} {answer.url}"))
    page.on(
        "request",
        lambda request: request.url.startswith((site, "data:", "blob:")) or page.faults.append(f"pide {request.url}"),
    )
    yield page
    page.close()


def report(problems) -> None:
    problems = sorted(set(problems))
    assert not problems, f"{len(problems)} problemas:\n  " + "\n  ".join(problems)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_no_fault_in_any_width_or_colour(tab, site, name):
    weight, problems = [], []
    tab.on("response", lambda answer: weight.append(len(answer.body()) if answer.status == 200 else 0))
    tab.goto(site + name, wait_until="load")
    tab.wait_for_function(READY)
    assert sum(weight) < PAGE_BYTES, f"{name} pide {sum(weight) / 1e6:.1f} MB al abrirse"
    tab.evaluate(OPEN)
    tab.evaluate(AXE.read_text(encoding="utf-8"))
    for scheme, value in SCHEMES.items():
        tab.emulate_media(color_scheme=value)  # el libro sigue al sistema mientras no se elija otra cosa
        tab.wait_for_function("theme => document.documentElement.dataset.theme === theme", arg=value)
        for device, width in WIDTHS.items():
            tab.set_viewport_size({"width": width, "height": 900})
            tab.wait_for_timeout(400)  # el tema tarda 0.3 s en permitir que se llegue con el teclado a lo que desliza
            problems += [f"{device}: se sale {found}" for found in tab.evaluate(OVERFLOW)]
            problems += [f"{device}, {scheme}: {found}" for found in tab.evaluate(RUN_AXE)]
    report(problems + tab.faults)


def test_a_planted_fault_of_each_kind_is_seen(tab, site):
    tab.goto(site + PAGES[0], wait_until="load")
    assert tab.faults == []
    tab.evaluate(AXE.read_text(encoding="utf-8"))
    tab.evaluate(
        """document.querySelector('main article').insertAdjacentHTML('beforeend',
           `<img src="/no-existe.png"><pre style="width: 3000px; overflow: visible">largo</pre>`);
           fetch('http://127.0.0.1:9/otro').catch(() => console.error('planeado'));"""
    )
    tab.wait_for_timeout(500)
    faults = "\n".join(tab.faults)
    assert "404" in faults and "pide http://127.0.0.1:9/otro" in faults and "consola: planeado" in faults
    assert any("largo" in found for found in tab.evaluate(OVERFLOW))
    assert any(found.startswith("image-alt (critical)") for found in tab.evaluate(RUN_AXE))


@pytest.mark.parametrize("words", ["política", "epsilon"])
def test_the_search_finds(tab, site, words):
    tab.goto(f"{site}search.html?q={words}", wait_until="load")
    tab.wait_for_selector("#search-results li a", timeout=20_000)
    links = tab.locator("#search-results ul.search > li > a")
    assert links.count() >= 3
    links.first.click()
    tab.wait_for_load_state()
    assert tab.url.startswith(f"{site}book/")
    report(tab.faults)


def test_the_theme_button_changes_the_colours_and_the_book_remembers(tab, site):
    tab.goto(site + "book/inicio.html", wait_until="load")
    themes = []
    for _ in range(3):  # claro, oscuro y el del sistema
        tab.locator(".theme-switch-button").first.click()
        themes.append(tab.evaluate("document.documentElement.dataset.mode"))
    assert sorted(themes) == ["auto", "dark", "light"]
    while tab.evaluate("document.documentElement.dataset.mode") != "dark":
        tab.locator(".theme-switch-button").first.click()
    tab.goto(site + "book/glosario.html", wait_until="load")
    assert tab.evaluate("document.documentElement.dataset.theme") == "dark"


def test_a_solution_is_folded_until_asked_for(tab, site):
    tab.goto(site + "book/03_dqn_desde_cero.html", wait_until="load")
    solution = tab.locator("details.solucion").first
    assert not solution.locator(".cell").first.is_visible()
    solution.locator("summary").click()
    assert solution.locator(".cell").first.is_visible()


def test_without_scripts_a_page_can_still_be_read(browser, site):
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(site + "book/03_dqn_desde_cero.html")
    assert page.locator("article h1").is_visible()
    colours = "e => [getComputedStyle(e).color, getComputedStyle(document.body).backgroundColor]"
    text, ground = page.locator("article p").first.evaluate(colours)
    assert text != ground and ground == "rgb(255, 255, 255)"
    page.context.close()


def test_the_whole_book_is_light():
    total = sum(file.stat().st_size for file in HTML.rglob("*") if file.is_file())
    assert total < BOOK_BYTES, f"el HTML pesa {total / 1e6:.0f} MB"
