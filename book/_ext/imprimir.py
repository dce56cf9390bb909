"""Imprime el libro en un solo PDF, con un navegador.  Lo llama «make pdf».

    python book/_ext/imprimir.py        (en Windows, .venv\\Scripts\\python book\\_ext\\imprimir.py)

Lo deja en _build/libro.pdf, con marcadores, enlaces y números de página.  Si el libro ya está construido no se
vuelve a ejecutar ningún cuaderno; si no, se ejecutan todos.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

CURSO = Path(__file__).resolve().parents[2]
UNA_PAGINA = CURSO / "_build" / "singlehtml" / "book" / "inicio.html"  # sus enlaces parten de la carpeta de arriba
PDF = CURSO / "_build" / "libro.pdf"
COMANDOS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge")
PIE = """<div style="width: 100%; font-size: 8px; color: #444; text-align: center">
<span class="pageNumber"></span></div>"""
# Lo plegado se abre, y lo que se dibuja al llegar a su lugar se dibuja antes.
PREPARAR = """async () => {
  document.querySelectorAll('details').forEach(plegado => { plegado.open = true; });
  document.querySelectorAll('img[loading]').forEach(imagen => { imagen.loading = 'eager'; });
  if (window.MathJax) await MathJax.startup.promise;
  await Promise.all([...document.images].map(imagen => imagen.decode().catch(() => {})));
}"""


class SinNavegador(Exception):
    """No hay en esta máquina un navegador de la familia de Chromium."""


def abrir_navegador(playwright):
    """Chromium, Chrome o Edge, el que haya; la variable CHROMIUM puede decir dónde está."""
    hallado = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, COMANDOS)), None)
    # Sin archivo que nombrar, Playwright sabe dónde instalan Chrome y Edge los demás sistemas.
    maneras = [{"executable_path": hallado}] if hallado else [{"channel": "chrome"}, {"channel": "msedge"}]
    for manera in maneras:
        try:
            return playwright.chromium.launch(args=["--no-sandbox"], **manera)
        except Exception as error:  # Playwright tiene uno por cada manera de no encontrarlo
            ultimo = error
    raise SinNavegador(
        "No hay un navegador: instale Chromium (en Debian, «apt install chromium») o Chrome."
    ) from ultimo


def imprimir(pagina: Path, pdf: Path) -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        navegador = abrir_navegador(playwright)
        hoja = navegador.new_page(color_scheme="light", reduced_motion="reduce")
        hoja.goto(pagina.as_uri(), wait_until="load", timeout=120_000)
        hoja.emulate_media(media="print", color_scheme="light")
        hoja.evaluate(PREPARAR)
        hoja.pdf(
            path=pdf, format="A4", print_background=True, outline=True, tagged=True, scale=0.8,
            margin={"top": "18mm", "bottom": "18mm", "left": "16mm", "right": "16mm"},
            display_header_footer=True, header_template="<span></span>", footer_template=PIE,
        )  # fmt: skip
        navegador.close()


def main() -> int:
    UNA_PAGINA.unlink(missing_ok=True)  # que no se imprima la de otra vez
    print("Reúno el libro en una página; si no está construido, antes se ejecutan los cuadernos.", flush=True)
    programa = shutil.which("jupyter-book", path=Path(sys.executable).parent)
    orden = [programa, "build", ".", "--builder", "singlehtml"]
    if not programa or subprocess.call(orden, cwd=CURSO, stdout=subprocess.DEVNULL) or not UNA_PAGINA.is_file():
        print("No se pudo reunir el libro en una página: construyámoslo antes con «make libro».", file=sys.stderr)
        return 1
    pagina = shutil.copy(UNA_PAGINA, UNA_PAGINA.parents[1] / "libro.html")
    try:
        imprimir(Path(pagina), PDF)
    except SinNavegador as error:
        print(error, file=sys.stderr)
        return 1
    print(f"Listo: {PDF} ({PDF.stat().st_size / 1e6:.0f} MB).")
    return 0


if __name__ == "__main__":
    sys.exit(main())
