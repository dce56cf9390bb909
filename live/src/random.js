// Un generador con semilla (mulberry32): con la misma, la misma partida.

/** @param {number} seed @returns {() => number} números en [0, 1) */
export function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Un entero desde 0 y menor que n. */
export const integer = (random, n) => Math.floor(random() * n);
