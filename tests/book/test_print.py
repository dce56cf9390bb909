"""La edición imprimible: «make pdf» da un solo archivo con todo el libro.  Lo llama `make libro`."""

import re
import subprocess
import sys
from pathlib import Path

import imprimir
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [
    pytest.mark.html,
    pytest.mark.skipif(not (ROOT / "_build" / "html" / "index.html").is_file(), reason="no hay libro que imprimir"),
]


def test_the_whole_book_is_printed_in_one_file(browser):
    imprimir.PDF.unlink(missing_ok=True)
    order = [sys.executable, imprimir.__file__]  # aparte: en este proceso ya hay un navegador abierto
    done = subprocess.run(order, capture_output=True, text=True)
    assert done.returncode == 0 and "Listo" in done.stdout, done.stderr
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    names = [chapter["file"] for part in toc["parts"] for chapter in part["chapters"]]
    html = imprimir.UNA_PAGINA.read_text(encoding="utf-8")
    missing = [name for name in names if f'id="document-{name}"' not in html]
    assert not missing, f"faltan en la edición impresa: {missing}"
    pdf = imprimir.PDF.read_bytes()
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) > 10 * len(names)
    assert b"/Outlines" in pdf and b"/Link" in pdf
