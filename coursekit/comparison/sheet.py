"""La hoja de calificaciones: qué diferencias sostienen los datos, y la tabla en texto, CSV y HTML (`write_sheet`).

Columnas: `puesto`, `entrega`, `archivo`; `media`, `bajo` y `alto` (su intervalo del 95 %), `iqm`, `mediana`, `partidas`
y `humano` (puntaje normalizado), de `summarize`; `grupos`; `ventaja` sobre el siguiente, con `ventaja_baja` y
`ventaja_alta` (su intervalo del 95 %); `igual_a` (otra entrega con el mismo archivo), `problema` y `sha256`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template, ascii_lowercase

from coursekit.runs import atomic

import numpy as np
import pandas as pd

SUMMARY = {"media": "mean", "bajo": "ci_low", "alto": "ci_high", "iqm": "iqm", "mediana": "median"}
SUMMARY |= {"partidas": "games", "humano": "hns"}
TEXTS = ("grupos", "igual_a", "problema", "sha256")
COLUMNS = ("puesto", "entrega", "archivo", *SUMMARY, "grupos", "ventaja", "ventaja_baja", "ventaja_alta", *TEXTS[1:])


def write_sheet(folder: Path, protocol: dict, rows: list[dict]) -> pd.DataFrame:
    """Escribe `calificaciones.csv` e `index.html` en `folder` y devuelve la tabla, por puesto.

    Cada fila de `rows` tiene `name` y `path` y, además, `digest`, `scores`, `summary` y `still`, o bien su `problem`.
    """
    marked = sorted((row for row in rows if "problem" not in row), key=lambda row: -row["summary"]["mean"])
    rows = marked + [row for row in rows if "problem" in row]
    records = [_record(row) | more for row, more in itertools.zip_longest(rows, _differences(marked), fillvalue={})]
    table = pd.DataFrame(records, columns=COLUMNS).astype({"puesto": "Int64", "partidas": "Int64"})
    with atomic(folder / "calificaciones.csv") as temporary:
        # Un nombre que empieza como una fórmula se calcularía al abrir la tabla en una hoja de cálculo.
        table.replace(r"^(?=[=+\-@\t\r])", "'", regex=True).to_csv(temporary, index=False, encoding="utf-8-sig")
    html = files("coursekit.comparison").joinpath("sheet.html").read_text(encoding="utf-8")
    page, agent, problem = map(Template, html.split("<!-- fila -->\n"))
    low, high = table["bajo"].min(), table["alto"].max()
    lines = []
    for row, stored in zip(table.to_dict("records"), rows, strict=True):
        kind, fields = (agent, _fields(row, stored["still"], low, high)) if "still" in stored else (problem, row)
        lines.append(kind.substitute({name: escape(str(value)) for name, value in {**protocol, **fields}.items()}))
    counts = {"marked": len(marked), "unmarked": len(rows) - len(marked)}
    with atomic(folder / "index.html") as temporary:
        temporary.write_text(page.substitute(protocol, rows="".join(lines), **counts), encoding="utf-8")
    return table


def _record(row: dict) -> dict:
    record = dict.fromkeys(TEXTS, "") | {"entrega": row["name"], "archivo": row["path"].as_posix()}
    record["sha256"] = row.get("digest", "")
    if "problem" in row:
        return record | {"problema": row["problem"]}
    return record | {"igual_a": row["same"]} | {ours: row["summary"].get(name) for ours, name in SUMMARY.items()}


def _differences(marked: list[dict], resamples: int = 10_000) -> Iterator[dict]:
    """De cada agente, ya por puesto: sus grupos, y su ventaja sobre el siguiente con el intervalo por remuestreo.

    Un grupo va de un agente al último del que no se distingue (el intervalo de su diferencia contiene el 0).
    """
    means = []
    for row in marked:  # el azar de cada uno sale de su archivo: no depende de quiénes más se califican
        rng = np.random.default_rng(int(row["digest"][:16], 16))
        means.append(rng.choice(row["scores"], (resamples, len(row["scores"]))).mean(axis=1))
    last = [max(k for k in range(i, len(means)) if np.percentile(m - means[k], 2.5) <= 0) for i, m in enumerate(means)]
    groups = [(i, end) for i, end in enumerate(last) if end > max(last[:i], default=-1)]
    for i, row in enumerate(marked):
        found = {"puesto": i + 1, "grupos": " ".join(_letter(g) for g, (a, b) in enumerate(groups) if a <= i <= b)}
        if i + 1 < len(marked):
            found["ventaja"] = row["summary"]["mean"] - marked[i + 1]["summary"]["mean"]
            found["ventaja_baja"], found["ventaja_alta"] = np.percentile(means[i] - means[i + 1], [2.5, 97.5])
        yield found


def _letter(number: int) -> str:
    """`a`, `b`, …, `z`, `aa`, `ab`, …"""
    return (_letter(number // 26 - 1) if number >= 26 else "") + ascii_lowercase[number % 26]


def published_text(info: dict) -> str:
    """Qué agente publica la corrida, después de elegirlo."""
    averaged = len(info.get("averaged", ()))
    who = f"el promedio de {averaged}, hasta el" if averaged else "el"
    return f"agente publicado: {who} de {info['published_steps']} pasos"


def run_text(content: dict) -> Iterator[str]:
    """El contenido de `evaluation.json`, una línea por protocolo y una por peldaño."""
    for name, result in content["results"].items():
        yield line(f"{name} (epsilon={result['epsilon']:g}, pegajosas={result['sticky']:g})", result["summary"])
    for steps, result in content["ladder"].items():
        yield line(f"{int(steps):,} pasos".replace(",", " "), result["summary"])


def line(label: str, s: dict) -> str:
    """Un resumen de `summarize` en una línea."""
    games = "1 partida" if s["games"] == 1 else f"{s['games']} partidas"
    human = "" if pd.isna(s.get("hns")) else f"; {100 * s['hns']:.0f} % de la persona"
    return (
        f"{label}: media {s['mean']:.1f} [{s['ci_low']:.1f}, {s['ci_high']:.1f}], IQM {s['iqm']:.1f}, "
        f"mediana {s['median']:.1f}, {games}{human}"
    )


def text(table: pd.DataFrame) -> Iterator[str]:
    """La tabla para la terminal, una línea por entrega."""
    for row in table.to_dict("records"):
        if row["problema"]:
            yield f"sin calificar, {row['entrega']}: {row['problema']}"
            continue
        summary = line(f"{row['puesto']}. {row['entrega']}", {name: row[ours] for ours, name in SUMMARY.items()})
        yield f"{summary}; grupos {row['grupos']}; ventaja {_gap(row)}{_same(row, '; ')}"


def _gap(row: dict) -> str:
    gap = "{ventaja:.1f} [{ventaja_baja:.1f}, {ventaja_alta:.1f}]"
    return "–" if pd.isna(row["ventaja"]) else gap.format(**row)


def _same(row: dict, before: str = "") -> str:
    return f"{before}mismo archivo que {row['igual_a']}" if row["igual_a"] else ""


def _fields(row: dict, still: dict, low: float, high: float) -> dict:
    """Lo que se escribe de un agente en la página; su intervalo se dibuja de `low` a `high`, en % del ancho."""
    x, left, right = (3 + 94 * (row[name] - low) / ((high - low) or 1) for name in ("media", "bajo", "alto"))
    return {
        **row,
        **still,
        "mean": "{media:.1f} [{bajo:.1f}, {alto:.1f}]".format(**row),
        "human": "–" if pd.isna(row["humano"]) else f"{round(100 * row['humano'])} %",
        "gap": _gap(row),
        "same": _same(row),
        "points": f"{still['score']:g}",
        **{"x": f"{x:.2f}", "left": f"{left:.2f}", "width": f"{right - left:.2f}"},
    }
