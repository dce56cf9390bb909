"""Abre los cuadernos en JupyterLab: en español, sin avisos de novedades y en LEEME.ipynb.  Lo llama «make lab».

    python book/_ext/lab.py        (en Windows, .venv\\Scripts\\python book\\_ext\\lab.py)

Lo que se agregue en la línea se le pasa a JupyterLab: `--no-browser`, `--port=8890`…  Con `--solo-ajustes` deja los
ajustes en su lugar y no abre nada: así prepara Binder su máquina (postBuild).
"""

import getpass
import json
import os
import subprocess
import sys
import webbrowser
from pathlib import Path

LIBRO = Path(__file__).resolve().parents[1]
# Son los valores de partida de este ambiente de Python: cada quien puede cambiarlos en el menú de JupyterLab.
AJUSTES = {
    "@jupyterlab/translation-extension:plugin": {"locale": "es_ES"},
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/docmanager-extension:plugin": {"defaultViewers": {"markdown": "Markdown Preview"}},
    # Junto a una solución plegada, la flecha del título alcanza; el botón dice «2 cells hidden».
    "@jupyterlab/notebook-extension:tracker": {"showHiddenCellsButton": False},
}


def ajustar(prefijo: Path) -> Path:
    """Escribe los ajustes donde los busca el JupyterLab de ese prefijo, y devuelve el archivo."""
    archivo = prefijo / "share" / "jupyter" / "lab" / "settings" / "overrides.d" / "dqn_pixeles.json"
    archivo.parent.mkdir(parents=True, exist_ok=True)
    archivo.write_text(json.dumps(AJUSTES, indent=2) + "\n", encoding="utf-8")
    return archivo


def hay_navegador() -> bool:
    try:
        return webbrowser.get() is not None
    except webbrowser.Error:
        return False


def opciones() -> list[str]:
    """Lo que hay que decirle a JupyterLab en esta máquina, después de explicárselo a quien lo abre."""
    lejos, sueltas = os.environ.get("SSH_CONNECTION", "").split(), []
    if lejos:
        print("Estamos en otra máquina, por ssh.  En la propia, en otra terminal:")
        print(f"    ssh -N -L 8888:localhost:8888 {getpass.getuser()}@{lejos[2]}")
        print("y en su navegador, la dirección con 127.0.0.1:8888 que aparece al final de lo que sigue.", flush=True)
        # Si el puerto está ocupado, es mejor un error que otro puerto, al que el túnel no llega.
        sueltas += ["--no-browser", "--port=8888", "--ServerApp.port_retries=0"]
    elif not hay_navegador():
        print("No se encontró un navegador: abra en uno la dirección con 127.0.0.1 que aparece al final.", flush=True)
        sueltas += ["--no-browser"]
    if getattr(os, "geteuid", lambda: 1)() == 0:  # en un contenedor se es root, y JupyterLab pide que se diga
        sueltas += ["--allow-root"]
    return sueltas


def main(argumentos: list[str]) -> int:
    try:
        ajustar(Path(sys.prefix))
    except OSError as error:  # el ambiente es de otra persona: los cuadernos se abren igual, en inglés
        print(f"No se pudo poner JupyterLab en español: {error}", file=sys.stderr)
    if argumentos == ["--solo-ajustes"]:
        return 0
    # La dirección que se imprime lleva a la misma página que abre el navegador.
    orden = [sys.executable, "-m", "jupyterlab", "LEEME.ipynb", "--LabApp.default_url=/lab/tree/LEEME.ipynb"]
    # En sus terminales y en las celdas que empiezan con «!», que se encuentre «coursekit».
    camino = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    try:
        return subprocess.call([*orden, *opciones(), *argumentos], cwd=LIBRO, env={**os.environ, "PATH": camino})
    except KeyboardInterrupt:  # JupyterLab ya se despidió
        return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
