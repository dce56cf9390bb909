/** Azar con semilla: la misma semilla da siempre la misma corrida. Es el generador sfc32, de Chris Doty-Humphrey. */
export class Random {
  /** @param {number} seed @param {number} [stream] dos usos con la misma semilla y distinto `stream` no se parecen */
  constructor(seed, stream = 0) {
    this.state = new Uint32Array([0x9e3779b9, seed, stream, 1]);
    for (let i = 0; i < 16; i++) this.bits();
  }

  bits() {
    const s = this.state;
    const result = (s[0] + s[1] + s[3]) >>> 0;
    s[3]++;
    s[0] = s[1] ^ (s[1] >>> 9);
    s[1] = s[2] + (s[2] << 3);
    s[2] = ((s[2] << 21) | (s[2] >>> 11)) + result;
    return result;
  }

  /** Un número en [0, 1). */
  random() {
    return this.bits() / 2 ** 32;
  }

  /** Un entero de 0 a `n − 1`. */
  integers(n) {
    return Math.floor(this.random() * n);
  }
}
