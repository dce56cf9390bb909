/**
 * La red del capítulo 3, hacia adelante y hacia atrás: dos convoluciones de 3×3 con relleno y dos capas densas.
 *
 * Los píxeles van en filas de a 11 y las imágenes en bloques de 11 filas: la columna 0 y la fila 0 de cada imagen son
 * el relleno, y sirven también de relleno a la que queda antes. Con todos los píxeles en una sola hilera, y sus canales
 * juntos, los tres vecinos de un píxel en una fila son números seguidos: la convolución entera, para todo el lote, son
 * tres productos de matrices (uno por fila del núcleo) sobre una ventana que se desliza, sin copiar nada.
 */
import { OBSERVATION, SIZE } from "./catch.js";

const FRAMES = 2, CHANNELS = 16, HIDDEN = 128, N_ACTIONS = 3;
const ROW = SIZE + 1; // píxeles de una fila, con su relleno
const IMAGE = ROW * ROW; // píxeles de una imagen, con su relleno
const FIRST = ROW + 1; // el primer píxel de verdad
const FLAT = SIZE * ROW * CHANNELS; // lo que entra a la primera capa densa: 10 filas, cada una con su relleno delante

const SHAPES = {
  w1: 9 * FRAMES * CHANNELS, b1: CHANNELS, // núcleo: fila, columna, canal de entrada, canal de salida
  w2: 9 * CHANNELS * CHANNELS, b2: CHANNELS,
  w3: FLAT * HIDDEN, b3: HIDDEN, // entrada × salida; en el relleno, cero
  w4: HIDDEN * N_ACTIONS, b4: N_ACTIONS,
};
export const N_PARAMETERS = Object.values(SHAPES).reduce((sum, length) => sum + length);

/** Los parámetros por nombre, como partes de un solo arreglo: así copiar la red o dar un paso es recorrerlo. */
export function split(all) {
  let start = 0;
  const parts = {};
  for (const [name, length] of Object.entries(SHAPES)) parts[name] = all.subarray(start, (start += length));
  return parts;
}

/** Recorre los pesos en el orden de PyTorch: `visit(nombre, índice aquí, entradas de la neurona, índice allá)`. */
export function eachWeight(visit) {
  const conv = (name, inputs) => {
    for (let o = 0, there = 0; o < CHANNELS; o++)
      for (let c = 0; c < inputs; c++)
        for (let k = 0; k < 9; k++) visit(name, (k * inputs + c) * CHANNELS + o, 9 * inputs, there++);
  };
  const bias = (name, length, inputs) => {
    for (let i = 0; i < length; i++) visit(name, i, inputs, i);
  };
  conv("w1", FRAMES);
  bias("b1", CHANNELS, 9 * FRAMES);
  conv("w2", CHANNELS);
  bias("b2", CHANNELS, 9 * CHANNELS);
  const flat = CHANNELS * SIZE * SIZE;
  for (let o = 0, there = 0; o < HIDDEN; o++)
    for (let c = 0; c < CHANNELS; c++)
      for (let y = 0; y < SIZE; y++)
        for (let x = 0; x < SIZE; x++) visit("w3", ((y * ROW + x + 1) * CHANNELS + c) * HIDDEN + o, flat, there++);
  bias("b3", HIDDEN, flat);
  for (let o = 0, there = 0; o < N_ACTIONS; o++)
    for (let i = 0; i < HIDDEN; i++) visit("w4", i * N_ACTIONS + o, HIDDEN, there++);
  bias("b4", N_ACTIONS, HIDDEN);
}

/** Pesos al azar como los da PyTorch: uniformes en ±1/√(entradas de la neurona). */
export function initialize(parameters, rng) {
  const parts = split(parameters);
  eachWeight((name, i, inputs) => (parts[name][i] = (2 * rng.random() - 1) / Math.sqrt(inputs)));
}

/** Las activaciones de hasta `batch` observaciones; las redes que se turnan pueden compartirlas. */
export class Activations {
  constructor(math, batch) {
    const pixels = batch * IMAGE + FIRST;
    this.batch = batch;
    this.x = math.alloc(pixels * FRAMES);
    this.h1 = math.alloc(pixels * CHANNELS);
    this.h2 = math.alloc(pixels * CHANNELS);
    this.h3 = math.alloc(batch * HIDDEN);
    this.q = math.alloc(batch * N_ACTIONS);
  }
}

export class QNetwork {
  /** @param {ReturnType<typeof import("../gemm/index.js").createGemm>} math */
  constructor(math) {
    this.math = math;
    this.parameters = math.alloc(N_PARAMETERS);
    this.parts = split(this.parameters);
  }

  /** Los valores Q de `n` observaciones (bytes, 200 cada una): `n` × 3, válidos hasta la próxima llamada. */
  forward(observations, n, act) {
    const { math, parts } = this;
    const { x, h1, h2, h3, q } = act;
    load(observations, n, x);
    this.convolve(n, x, FRAMES, parts.w1, h1);
    biasReluPad(h1, parts.b1, n);
    this.convolve(n, h1, CHANNELS, parts.w2, h2);
    biasReluPad(h2, parts.b2, n);
    math.strided(n, HIDDEN, FLAT, h2.subarray(ROW * CHANNELS), IMAGE * CHANNELS, 1, parts.w3, HIDDEN, 1, h3, HIDDEN);
    for (let i = 0; i < n * HIDDEN; i++) h3[i] = Math.max(h3[i] + parts.b3[i % HIDDEN], 0);
    math.gemm(n, N_ACTIONS, HIDDEN, h3, parts.w4, q);
    for (let i = 0; i < n * N_ACTIONS; i++) q[i] += parts.b4[i % N_ACTIONS];
    return q.subarray(0, n * N_ACTIONS);
  }

  convolve(n, input, inputs, weights, output) {
    const pixels = span(n);
    for (let ky = 0; ky < 3; ky++) {
      const kernel = weights.subarray(ky * 3 * inputs * CHANNELS, (ky + 1) * 3 * inputs * CHANNELS);
      const window = input.subarray(ky * ROW * inputs);
      this.math.strided(
        pixels, CHANNELS, 3 * inputs, window, inputs, 1, kernel, CHANNELS, 1,
        output.subarray(FIRST * CHANNELS), CHANNELS, ky > 0,
      );
    }
  }
}

/** De la hilera, del primer píxel de verdad al último de un lote de `n`. */
const span = (n) => (n - 1) * IMAGE + (SIZE - 1) * ROW + SIZE;

/** Bytes a números entre 0 y 1, cada píxel con sus dos cuadros juntos. */
function load(observations, n, x) {
  const frame = OBSERVATION / FRAMES;
  for (let i = 0, from = 0; i < n; i++, from += OBSERVATION) {
    for (let y = 0; y < SIZE; y++) {
      let to = (i * IMAGE + (y + 1) * ROW + 1) * FRAMES;
      for (let k = from + y * SIZE, end = k + SIZE; k < end; k++) {
        x[to++] = observations[k] / 255;
        x[to++] = observations[k + frame] / 255;
      }
    }
  }
}

/** Suma el sesgo, aplica ReLU y deja en cero la columna y la fila de relleno, donde la ventana escribió de paso. */
function biasReluPad(h, bias, n) {
  for (let i = 0; i < n; i++) {
    h.fill(0, i * IMAGE * CHANNELS, (i * IMAGE + ROW) * CHANNELS);
    for (let y = 1; y <= SIZE; y++) {
      let at = (i * IMAGE + y * ROW) * CHANNELS;
      for (let c = 0; c < CHANNELS; c++) h[at++] = 0;
      for (let x = 0; x < SIZE; x++)
        for (let c = 0; c < CHANNELS; c++, at++) {
          const value = h[at] + bias[c];
          h[at] = value > 0 ? value : 0;
        }
    }
  }
}

/** El gradiente de la pérdida respecto de cada parámetro, por retropropagación. */
export class Gradients {
  constructor(math, batch) {
    const pixels = batch * IMAGE + FIRST;
    this.parameters = math.alloc(N_PARAMETERS);
    this.parts = split(this.parameters);
    this.q = math.alloc(batch * N_ACTIONS); // lo escribe quien calcula la pérdida
    this.h3 = math.alloc(batch * HIDDEN);
    this.h2 = math.alloc(pixels * CHANNELS);
    this.h1 = math.alloc(pixels * CHANNELS);
    this.flipped = math.alloc(SHAPES.w2);
  }

  /** Va de `this.q`, el gradiente respecto de la salida, a `this.parameters`. `act`: lo que dejó `forward`. */
  backward(network, act, n) {
    const { math } = network;
    const weights = network.parts, grad = this.parts;
    const flat = ROW * CHANNELS, image = IMAGE * CHANNELS;

    math.gemmTA(HIDDEN, N_ACTIONS, n, act.h3, this.q, grad.w4);
    sumRows(this.q, n, grad.b4);
    math.gemmTB(n, HIDDEN, N_ACTIONS, this.q, weights.w4, this.h3);
    whereActive(this.h3, act.h3, n * HIDDEN);

    math.strided(FLAT, HIDDEN, n, act.h2.subarray(flat), 1, image, this.h3, HIDDEN, 1, grad.w3, HIDDEN);
    sumRows(this.h3, n, grad.b3);
    math.strided(n, FLAT, HIDDEN, this.h3, HIDDEN, 1, weights.w3, 1, HIDDEN, this.h2.subarray(flat), image);
    whereActive(this.h2, act.h2, n * image);

    this.kernels(math, n, act.h1, CHANNELS, this.h2, grad.w2, grad.b2);
    flip(weights.w2, this.flipped);
    network.convolve(n, this.h2, CHANNELS, this.flipped, this.h1); // derivar una convolución es otra, al revés
    whereActive(this.h1, act.h1, n * image);
    this.kernels(math, n, act.x, FRAMES, this.h1, grad.w1, grad.b1);
  }

  /** El gradiente de los núcleos: la entrada por el gradiente de la salida, sumado sobre todos los píxeles. */
  kernels(math, n, input, inputs, output, weights, bias) {
    const gradient = output.subarray(FIRST * CHANNELS);
    for (let ky = 0; ky < 3; ky++) {
      const length = 3 * inputs * CHANNELS;
      math.strided(
        3 * inputs, CHANNELS, span(n), input.subarray(ky * ROW * inputs), 1, inputs, gradient, CHANNELS, 1,
        weights.subarray(ky * length, (ky + 1) * length), CHANNELS,
      );
    }
    sumRows(gradient, span(n), bias);
  }
}

function sumRows(matrix, rows, sums) {
  const n = sums.length;
  sums.fill(0);
  for (let i = 0, at = 0; i < rows; i++) for (let j = 0; j < n; j++) sums[j] += matrix[at++];
}

/** ReLU hacia atrás: donde la neurona estaba apagada no pasa gradiente. */
function whereActive(gradient, activation, length) {
  for (let i = 0; i < length; i++) if (!(activation[i] > 0)) gradient[i] = 0;
}

/** El núcleo visto desde la otra punta: filas y columnas al revés, entradas por salidas. */
function flip(weights, flipped) {
  for (let k = 0; k < 9; k++)
    for (let c = 0; c < CHANNELS; c++)
      for (let o = 0; o < CHANNELS; o++)
        flipped[((8 - k) * CHANNELS + o) * CHANNELS + c] = weights[(k * CHANNELS + c) * CHANNELS + o];
}
