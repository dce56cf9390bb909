// La red de Mnih et al. (2015), hacia adelante: de cuatro cuadros de 84×84 a un valor Q por acción.
import { createGemm } from "./gemm/index.js";

const CONVOLUTIONS = [
  { channels: 4, size: 84, filters: 32, kernel: 8, stride: 4 },
  { channels: 32, size: 20, filters: 64, kernel: 4, stride: 2 },
  { channels: 64, size: 9, filters: 64, kernel: 3, stride: 1 },
].map((layer) => {
  const out = (layer.size - layer.kernel) / layer.stride + 1;
  return { ...layer, out, fan: layer.channels * layer.kernel ** 2 };
});
const FLAT = 3136;
const HIDDEN = 512;

/** Un número de media precisión, a partir de sus 16 bits. */
export function fromHalf(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31, fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
let halves; // la tabla de los 65 536, que se arma una vez

export class Network {
  /**
   * @param {Uint8Array} bytes los pesos, como los escribe coursekit.arcade.export.weights
   * @param {number} nActions cuántas acciones tiene el juego
   * @param {{wasm?: boolean}} [options]
   */
  constructor(bytes, nActions, options = {}) {
    const layers = CONVOLUTIONS.map((layer) => [layer.filters, layer.fan]);
    layers.push([HIDDEN, FLAT], [nActions, HIDDEN]);
    const expected = layers.reduce((sum, [out, fan]) => sum + out * (fan + 1), 0);
    if (bytes.length !== 2 * expected) {
      throw new Error(`Los pesos no son los de un agente de ${nActions} acciones: pesan ${bytes.length} bytes y debían ser ${2 * expected}.`);
    }
    halves ??= Float32Array.from({ length: 65_536 }, (_, bits) => fromHalf(bits));
    this.nActions = nActions;
    this.math = createGemm({ megabytes: 10, ...options });
    let at = 0;
    const take = (length, into) => {
      for (let i = 0; i < length; i++, at += 2) into[i] = halves[bytes[at] | (bytes[at + 1] << 8)];
      return into;
    };
    const { alloc } = this.math;
    this.convolutions = CONVOLUTIONS.map((layer) => ({
      ...layer,
      weights: take(layer.filters * layer.fan, alloc(layer.filters * layer.fan)),
      bias: take(layer.filters, new Float32Array(layer.filters)),
      patches: alloc(layer.fan * layer.out ** 2),
      output: alloc(layer.filters * layer.out ** 2),
    }));
    this.dense = [[HIDDEN, FLAT], [nActions, HIDDEN]].map(([out, fan]) => {
      const stored = take(out * fan, new Float32Array(out * fan)), weights = alloc(out * fan);
      for (let i = 0; i < out; i++) for (let j = 0; j < fan; j++) weights[j * out + i] = stored[i * fan + j];
      return { out, fan, weights, bias: take(out, new Float32Array(out)), output: alloc(out) };
    });
    this.input = alloc(4 * 84 * 84);
  }

  /**
   * Los valores Q de una observación.
   * @param {Uint8Array} observation (4, 84, 84), con el cuadro más nuevo al final
   * @returns {Float32Array} uno por acción; se reescribe en la llamada siguiente
   */
  q(observation) {
    let x = this.input;
    for (let i = 0; i < x.length; i++) x[i] = observation[i] / 255;
    for (const layer of this.convolutions) {
      const positions = layer.out ** 2;
      unfold(x, layer);
      this.math.gemm(layer.filters, positions, layer.fan, layer.weights, layer.patches, layer.output);
      x = layer.output;
      for (let f = 0, i = 0; f < layer.filters; f++) {
        for (let p = 0; p < positions; p++, i++) x[i] = Math.max(0, x[i] + layer.bias[f]);
      }
    }
    const [hidden, head] = this.dense;
    for (const layer of this.dense) {
      this.math.gemm(1, layer.out, layer.fan, x, layer.weights, layer.output);
      x = layer.output;
      for (let i = 0; i < layer.out; i++) x[i] += layer.bias[i];
      if (layer === hidden) for (let i = 0; i < layer.out; i++) x[i] = Math.max(0, x[i]);
    }
    return head.output;
  }
}

/** Pone en `patches`, una por columna, las ventanas de la entrada que mira cada posición de la salida. */
function unfold(input, { channels, size, kernel, stride, out, patches }) {
  let row = 0;
  for (let c = 0; c < channels; c++) {
    for (let ky = 0; ky < kernel; ky++) {
      for (let kx = 0; kx < kernel; kx++, row += out * out) {
        for (let y = 0; y < out; y++) {
          let from = c * size * size + (y * stride + ky) * size + kx;
          for (let x = 0, to = row + y * out; x < out; x++, from += stride) patches[to + x] = input[from];
        }
      }
    }
  }
}

/** El índice del mayor; el primero, si hay empate. */
export function argmax(values) {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
  return best;
}
