// Las partidas propias: se guardan en este navegador y en ningún otro lado.
const KEY = "dqn-a-partir-de-pixeles/partidas";
const LIMIT = 500; // partidas que se guardan de cada juego

function read() {
  try {
    const stored = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    return stored && typeof stored === "object" ? stored : {};
  } catch {
    return {};
  }
}

/** Los puntajes guardados de un juego, en el orden en que se jugaron. @returns {number[]} */
export function games(name) {
  const stored = read()[name];
  return Array.isArray(stored) ? stored.filter(Number.isFinite) : [];
}

/** Guarda una partida. @returns {boolean} si se pudo: el navegador puede tener su espacio lleno o no permitirlo */
export function keep(name, score) {
  return write({ ...read(), [name]: [...games(name), score].slice(-LIMIT) });
}

/** Borra las partidas de un juego. */
export function forget(name) {
  const { [name]: _, ...others } = read();
  return write(others);
}

function write(content) {
  try {
    localStorage.setItem(KEY, JSON.stringify(content));
    return true;
  } catch {
    return false;
  }
}
