"""El dibujo de DQN que vuelve a lo largo del libro, con la pieza del momento encendida (`dqn_diagram`)."""

from __future__ import annotations

#: Pieza → (x, y, ancho, lo que se lee en la caja).  Todas las cajas miden 56 de alto.
BOXES = {
    "ambiente": (8, 92, 82, ("ambiente",)),
    "memoria": (172, 92, 106, ("memoria de", "repetición")),
    "lote": (324, 92, 64, ("lote",)),
    "red": (446, 26, 112, ("red", "q_net")),
    "red objetivo": (446, 158, 112, ("red objetivo", "q_net_target")),
    "pérdida": (616, 92, 96, ("pérdida",)),
}
#: Pieza → (puntos de la flecha, dónde se lee y qué dice).  «exploración» y «actualización» son flechas, no cajas.
ARROWS = {
    "memoria": (((90, 120), (164, 120)), (130, 110, "(s, a, r, s′)")),
    "lote": (((278, 120), (316, 120)), (300, 110, "al azar")),
    "red": (((388, 112), (438, 66)), (398, 78, "s, a")),
    "red objetivo": (((388, 128), (438, 174)), (396, 172, "r, s′")),
    "predicción": (((558, 62), (608, 106)), (606, 74, "Q(s, a)")),
    "objetivo": (((558, 178), (608, 134)), (610, 174, "objetivo")),
    "actualización": (((664, 92), (664, 8), (520, 8), (520, 18)), (592, 2, "gradiente")),
    "copia": (((502, 82), (502, 150)), (508, 122, "copia")),
    "exploración": (((446, 44), (49, 44), (49, 84)), (250, 38, "acción ε-voraz")),
}
#: Lo que se enciende con cada nombre.
PARTS = {name: {name} for name in (*BOXES, "exploración", "actualización")} | {
    "red objetivo": {"red objetivo", "objetivo", "copia"},
    "pérdida": {"pérdida", "predicción", "objetivo"},
}
LIT, LIT_FILL, OFF, OFF_FILL, INK = "#B34A00", "#FDE3CC", "#8A8A8A", "#F4F4F4", "#222222"


def dqn_diagram(*encendidas: str):
    """El recorrido de DQN en un dibujo SVG, con las piezas nombradas encendidas; sin nombres, todo igual.

    Las piezas son «ambiente», «exploración», «memoria», «lote», «red», «red objetivo», «pérdida» y «actualización».
    Lanza `ValueError` si un nombre no es ninguno de ellos.
    """
    from IPython.display import SVG

    unknown = [name for name in encendidas if name not in PARTS]
    if unknown:
        raise ValueError(f"El dibujo no tiene la pieza {unknown[0]!r}; las piezas son {', '.join(sorted(PARTS))}.")
    lit = set().union(*(PARTS[name] for name in encendidas))
    label = f"Recorrido de DQN; encendido: {', '.join(encendidas)}" if encendidas else "Recorrido de DQN"
    return SVG(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 -12 720 238" width="720" font-family="sans-serif" '
        f'font-size="13" role="img" aria-label="{label}"><rect y="-12" width="720" height="238" fill="white"/>'
        + "".join(_arrow(name, name in lit) for name in sorted(ARROWS, key=lambda name: name in lit))
        + "".join(_box(name, name in lit) for name in BOXES)
        + "</svg>"
    )


def _box(name: str, lit: bool) -> str:
    x, y, width, lines = BOXES[name]
    stroke, fill, weight = (LIT, LIT_FILL, "bold") if lit else (OFF, OFF_FILL, "normal")
    middle, first = x + width / 2, y + (33 if len(lines) == 1 else 25)
    text = "".join(
        f'<text x="{middle:g}" y="{first + 17 * i:g}" text-anchor="middle" fill="{INK}" '
        f'font-weight="{weight}">{line}</text>'
        for i, line in enumerate(lines)
    )
    width_of_line = 3 if lit else 1.5
    return (
        f'<rect x="{x}" y="{y}" width="{width}" height="56" rx="8" fill="{fill}" stroke="{stroke}" '
        f'stroke-width="{width_of_line}"/>{text}'
    )


def _arrow(name: str, lit: bool) -> str:
    points, (x, y, text) = ARROWS[name]
    color, width = (LIT, 3) if lit else (OFF, 1.5)
    anchor = "start" if name == "copia" else "middle"
    line = " ".join(f"{a},{b}" for a, b in points)
    return (
        f'<polyline points="{line}" fill="none" stroke="{color}" stroke-width="{width}"/>'
        f'<polygon points="{_tip(*points[-2:])}" fill="{color}"/>'
        f'<text x="{x}" y="{y}" text-anchor="{anchor}" font-size="12" fill="{LIT if lit else INK}">{text}</text>'
    )


def _tip(start: tuple, end: tuple) -> str:
    """La punta de una flecha: un triángulo al final de su último tramo."""
    (x0, y0), (x, y) = start, end
    length = ((x - x0) ** 2 + (y - y0) ** 2) ** 0.5
    ux, uy = (x - x0) / length, (y - y0) / length
    corners = [(x + 5 * ux, y + 5 * uy), (x - 6 * ux - 5 * uy, y - 6 * uy + 5 * ux)]
    corners.append((x - 6 * ux + 5 * uy, y - 6 * uy - 5 * ux))
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in corners)
