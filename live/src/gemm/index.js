/**
 * Productos de matrices para las redes de la página: en WebAssembly con SIMD, o en JavaScript donde no lo hay.
 * Los dos caminos dan lo mismo, bit por bit; el primero es unas veinte veces más rápido.
 *
 * Todas las matrices son Float32Array por filas. Las que salen de `alloc` ya viven en la memoria de WebAssembly y no
 * se copian; las demás se copian al entrar y, la de salida, al salir.
 */
import wasmBase64 from "./gemm.wasm.js";

const PAGE = 65_536; // bytes de una página de memoria de WebAssembly
const STRIP_BYTES = 256 * 8 * 4; // la tira de B que gemm.ts copia

/**
 * @param {{megabytes?: number, wasm?: boolean}} [options] `megabytes` es toda la memoria que habrá: no crece, porque
 *   al crecer dejaría sin datos a las matrices ya entregadas. Con `wasm: false` se calcula en JavaScript.
 */
export function createGemm({ megabytes = 16, wasm = true } = {}) {
  const memory = new Arena(megabytes);
  const product = (wasm && wasmProduct(memory)) || jsProduct;
  return {
    /** @type {"wasm" | "js"} */
    backend: product === jsProduct ? "js" : "wasm",

    /** Reserva `length` números en cero, hasta que se descarte todo el objeto. */
    alloc: (length) => memory.alloc(length),

    /** C = A·B, o C += A·B: A es M×K, B es K×N, C es M×N. */
    gemm(M, N, K, A, B, C, accumulate = false) {
      product(M, N, K, A, K, 1, B, N, 1, C, N, accumulate);
    },

    /** C = Aᵀ·B, o C += Aᵀ·B: A está guardada como K×M. Es el gradiente de unos pesos. */
    gemmTA(M, N, K, A, B, C, accumulate = false) {
      product(M, N, K, A, 1, M, B, N, 1, C, N, accumulate);
    },

    /** C = A·Bᵀ, o C += A·Bᵀ: B está guardada como N×K. Es el gradiente de una entrada. */
    gemmTB(M, N, K, A, B, C, accumulate = false) {
      product(M, N, K, A, K, 1, B, 1, K, C, N, accumulate);
    },

    /** Lo mismo con saltos cualesquiera: el número (i, k) de A es `A[i·rsa + k·csa]`, y el (i, n) de C, `C[i·ldc + n]`. */
    strided: product,
  };
}

/** La memoria de WebAssembly, repartida de abajo hacia arriba; lo libre, al final, sirve para copias de paso. */
class Arena {
  constructor(megabytes) {
    const pages = Math.ceil((megabytes * 2 ** 20) / PAGE);
    try {
      this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
      this.buffer = this.memory.buffer;
    } catch {
      this.buffer = new ArrayBuffer(pages * PAGE); // no hay WebAssembly: una memoria corriente
    }
    this.top = STRIP_BYTES;
  }

  alloc(length) {
    const array = this.at(this.top, length);
    this.top += align(array.byteLength);
    return array;
  }

  at(start, length) {
    if (start + length * 4 > this.buffer.byteLength) {
      const asked = Math.ceil(length / 2 ** 18), all = this.buffer.byteLength / 2 ** 20;
      throw new RangeError(
        `No caben ${asked} MB más en los ${all} MB reservados: pida más con createGemm({ megabytes }).`,
      );
    }
    return new Float32Array(this.buffer, start, length);
  }
}

const align = (bytes) => (bytes + 63) & ~63;

/** El producto en WebAssembly, o `null` si el navegador no puede compilarlo. */
function wasmProduct(arena) {
  let kernel;
  try {
    const binary = Uint8Array.from(atob(wasmBase64), (letter) => letter.charCodeAt(0));
    kernel = new WebAssembly.Instance(new WebAssembly.Module(binary), { env: { memory: arena.memory } }).exports.gemm;
  } catch {
    return null;
  }
  return (M, N, K, A, rsa, csa, B, rsb, csb, C, ldc, accumulate = false) => {
    let top = arena.top;
    const resident = (array) => {
      if (array.buffer === arena.buffer) return array;
      const copy = arena.at(top, array.length);
      copy.set(array);
      top += align(copy.byteLength);
      return copy;
    };
    const a = resident(A), b = resident(B), c = resident(C);
    kernel(M, N, K, a.byteOffset, rsa, csa, b.byteOffset, rsb, csb, c.byteOffset, ldc, accumulate, 0);
    if (c !== C) C.set(c);
  };
}

/** Los tres ciclos, redondeando cada cuenta a 32 bits como lo hace WebAssembly. */
function jsProduct(M, N, K, A, rsa, csa, B, rsb, csb, C, ldc, accumulate = false) {
  const { fround } = Math;
  for (let i = 0; i < M; i++) {
    const row = i * ldc;
    if (!accumulate) C.fill(0, row, row + N);
    for (let k = 0; k < K; k++) {
      const a = A[i * rsa + k * csa];
      for (let n = 0, b = k * rsb; n < N; n++, b += csb) C[row + n] = fround(C[row + n] + fround(a * B[b]));
    }
  }
}
