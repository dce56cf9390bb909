import assert from "node:assert/strict";
import { test } from "node:test";

import { createGemm } from "../src/gemm/index.js";

let state = 7;
const random = () => ((state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0) / 2 ** 32) * 2 - 1;
const matrix = (length) => Float32Array.from({ length }, random);

/** Tres ciclos en doble precisión: contra esto se comparan los dos caminos. */
function reference(M, N, K, a, b, start) {
  const C = Float64Array.from(start);
  for (let i = 0; i < M; i++) for (let n = 0; n < N; n++) for (let k = 0; k < K; k++) C[i * N + n] += a(i, k) * b(k, n);
  return C;
}

// Medidas que pisan los bordes: filas de a 4, columnas de a 8 y tiras de 256.
const SIZES = [[1, 1, 1], [4, 8, 256], [5, 9, 257], [3, 7, 2], [64, 128, 1600], [7, 3, 513], [1, 18, 512], [100, 16, 18]];

for (const wasm of [true, false]) {
  test(`los productos de ${wasm ? "WebAssembly" : "JavaScript"} son los de tres ciclos en doble precisión`, () => {
    const math = createGemm({ wasm });
    assert.equal(math.backend, wasm ? "wasm" : "js");
    for (const [M, N, K] of SIZES) {
      const A = matrix(M * K), B = matrix(K * N), start = matrix(M * N);
      const layouts = {
        gemm: [(i, k) => A[i * K + k], (k, n) => B[k * N + n]],
        gemmTA: [(i, k) => A[k * M + i], (k, n) => B[k * N + n]],
        gemmTB: [(i, k) => A[i * K + k], (k, n) => B[n * K + k]],
      };
      for (const [name, [a, b]] of Object.entries(layouts)) {
        for (const accumulate of [false, true]) {
          const C = start.slice();
          math[name](M, N, K, A, B, C, accumulate);
          const expected = reference(M, N, K, a, b, accumulate ? start : new Float32Array(M * N));
          const worst = Math.max(...C.map((value, i) => Math.abs(value - expected[i])));
          assert.ok(worst < 2e-6 * K + 1e-6, `${name} ${M}×${N}×${K}: difiere en ${worst}`);
        }
      }
    }
  });
}

test("WebAssembly y JavaScript dan lo mismo, bit por bit", () => {
  const [fast, slow] = [createGemm(), createGemm({ wasm: false })];
  for (const [M, N, K] of SIZES) {
    const A = matrix(M * K), B = matrix(K * N), C = matrix(M * N), D = C.slice();
    fast.gemm(M, N, K, A, B, C, true);
    slow.gemm(M, N, K, A, B, D, true);
    assert.deepEqual(C, D);
  }
});

test("una ventana que se desliza sobre la entrada da lo mismo que copiarla", () => {
  const math = createGemm();
  const signal = math.alloc(60), kernel = math.alloc(6 * 8), output = math.alloc(19 * 8);
  signal.set(matrix(60));
  kernel.set(matrix(48));
  math.strided(19, 8, 6, signal, 3, 1, kernel, 8, 1, output, 8);
  const windows = Float32Array.from({ length: 19 * 6 }, (_, i) => signal[Math.floor(i / 6) * 3 + (i % 6)]);
  const expected = new Float32Array(19 * 8);
  math.gemm(19, 8, 6, windows, kernel, expected);
  assert.deepEqual(Float32Array.from(output), expected);
});

test("lo reservado llega en cero, no se pisa y avisa en español cuando no cabe", () => {
  const math = createGemm({ megabytes: 1 });
  const first = math.alloc(1000).fill(1), second = math.alloc(1000);
  assert.ok(second.every((value) => value === 0));
  math.gemm(10, 100, 10, matrix(100), matrix(1000), second);
  assert.ok(first.every((value) => value === 1));
  assert.throws(() => math.alloc(2 ** 20), /No caben 4 MB más en los 1 MB reservados/);
});
