// El preprocesamiento del capítulo 2, como lo hace ALE: gris, máximo de dos cuadros y reducción a 84×84 por áreas.
import { HEIGHT, SIDE, WIDTH } from "./games.js";

const PIXELS = WIDTH * HEIGHT;
const { fround } = Math;

/**
 * Los pesos con que cada celda de la imagen chica promedia las de la grande que cubre: `{first, weights}` por celda.
 * Los mismos que OpenCV, en precisión simple: un píxel que cae justo a mitad de camino redondea hacia donde allá.
 */
function areaWeights(from, to) {
  const scale = from / to;
  return Array.from({ length: to }, (_, i) => {
    const start = i * scale, end = start + scale, width = Math.min(scale, from - start);
    const last = Math.min(Math.floor(end), from - 1), first = Math.min(Math.ceil(start), last);
    const weights = Array(last - first).fill(1 / width);
    const before = first - start > 1e-3, after = end - last > 1e-3;
    if (before) weights.unshift((first - start) / width);
    if (after) weights.push(Math.min(end - last, 1, width) / width);
    return { first: before ? first - 1 : first, weights: Float32Array.from(weights) };
  });
}

const ROWS = areaWeights(HEIGHT, SIDE);
const COLUMNS = areaWeights(WIDTH, SIDE);

/** Gris de un color ABGR, con los coeficientes de ALE. */
const grayOf = (colour) =>
  Math.round((colour & 255) * 0.2989 + ((colour >> 8) & 255) * 0.587 + ((colour >> 16) & 255) * 0.114);

/**
 * Pasa una pantalla a gris.
 * @param {Uint32Array} screen colores ABGR
 * @param {Uint8Array} [gray] dónde escribirla
 */
export function toGray(screen, gray = new Uint8Array(PIXELS)) {
  let colour = -1, value = 0; // en una pantalla del Atari, casi todo píxel repite el color del anterior
  for (let i = 0; i < PIXELS; i++) {
    if (screen[i] !== colour) value = grayOf((colour = screen[i]));
    gray[i] = value;
  }
  return gray;
}

/**
 * El máximo, píxel a píxel, de dos pantallas grises, reducido a 84×84.
 * @param {Uint8Array} a
 * @param {Uint8Array} b
 * @returns {Uint8Array}
 */
export function reduce(a, b) {
  const narrow = new Float32Array(HEIGHT * SIDE);
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < SIDE; x++) {
      const { first, weights } = COLUMNS[x];
      let sum = 0;
      for (let k = 0, i = y * WIDTH + first; k < weights.length; k++, i++) sum = fround(sum + fround(weights[k] * (a[i] > b[i] ? a[i] : b[i])));
      narrow[y * SIDE + x] = sum;
    }
  }
  const small = new Uint8Array(SIDE * SIDE);
  for (let y = 0; y < SIDE; y++) {
    const { first, weights } = ROWS[y];
    for (let x = 0; x < SIDE; x++) {
      let sum = 0;
      for (let k = 0; k < weights.length; k++) sum = fround(sum + fround(weights[k] * narrow[(first + k) * SIDE + x]));
      const low = Math.floor(sum); // a la mitad, al par
      small[y * SIDE + x] = sum - low === 0.5 ? low + (low & 1) : Math.round(sum);
    }
  }
  return small;
}
