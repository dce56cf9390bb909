// El producto de matrices, C = A·B o C += A·B, en AssemblyScript con SIMD.
//
// Cada matriz llega como una dirección en bytes y dos saltos, contados en números: el que lleva a la fila
// siguiente (rs) y el que lleva a la columna siguiente (cs).  Así la misma cuenta sirve para A, para su
// traspuesta y para una ventana que se desliza sobre una imagen.  C va por filas, con salto ldc.
//
// B se copia de a tiras de 8 columnas, contiguas, y sobre cada tira se avanza de a 4 filas de A: 8 vectores
// que acumulan, 2 de B y 1 de A caben en los 16 registros de una máquina corriente.  Dentro de cada número
// de C la suma sigue el orden de k, de modo que el resultado es, bit por bit, el de tres ciclos anidados.

const STRIP = 8; // columnas de una tira
const KC = 256; // filas de una tira: 8 kB, que caben en la caché más cercana

export function gemm(
  M: i32, N: i32, K: i32,
  a: usize, rsa: i32, csa: i32,
  b: usize, rsb: i32, csb: i32,
  c: usize, ldc: i32,
  accumulate: bool, strip: usize,
): void {
  for (let k = 0; k < K; k += KC) {
    const kc = min(KC, K - k);
    const acc = accumulate || k > 0;
    for (let j = 0; j < N; j += STRIP) {
      const nc = min(STRIP, N - j);
      const ak = a + bytes(k * csa), cj = c + bytes(j);
      copyStrip(kc, nc, b + bytes(k * rsb + j * csb), bytes(rsb), bytes(csb), strip);
      let i = 0;
      if (nc == STRIP) {
        for (; i + 4 <= M; i += 4) {
          tile(kc, ak + bytes(i * rsa), bytes(rsa), bytes(csa), strip, cj + bytes(i * ldc), bytes(ldc), acc);
        }
        for (; i < M; i++) row(kc, ak + bytes(i * rsa), bytes(csa), strip, cj + bytes(i * ldc), acc);
      } else {
        for (; i < M; i++) edge(kc, nc, ak + bytes(i * rsa), bytes(csa), strip, cj + bytes(i * ldc), acc);
      }
    }
  }
}

// @ts-ignore: decorador de AssemblyScript
@inline
function bytes(numbers: i32): usize {
  return <usize>numbers << 2;
}

function copyStrip(kc: i32, nc: i32, b: usize, rsb: usize, csb: usize, strip: usize): void {
  for (let k = 0; k < kc; k++) {
    if (nc == STRIP && csb == 4) {
      v128.store(strip, v128.load(b));
      v128.store(strip, v128.load(b, 16), 16);
    } else {
      for (let n = 0; n < nc; n++) store<f32>(strip + bytes(n), load<f32>(b + <usize>n * csb));
    }
    strip += bytes(STRIP);
    b += rsb;
  }
}

/** Un bloque de 4×8 de C. */
function tile(kc: i32, a: usize, rsa: usize, csa: usize, b: usize, c: usize, ldc: usize, accumulate: bool): void {
  const c1 = c + ldc, c2 = c1 + ldc, c3 = c2 + ldc;
  let x0 = f32x4.splat(0), x1 = x0, x2 = x0, x3 = x0;
  let y0 = x0, y1 = x0, y2 = x0, y3 = x0;
  if (accumulate) {
    x0 = v128.load(c), y0 = v128.load(c, 16);
    x1 = v128.load(c1), y1 = v128.load(c1, 16);
    x2 = v128.load(c2), y2 = v128.load(c2, 16);
    x3 = v128.load(c3), y3 = v128.load(c3, 16);
  }
  let a1 = a + rsa, a2 = a1 + rsa, a3 = a2 + rsa;
  for (let k = 0; k < kc; k++) {
    const bx = v128.load(b), by = v128.load(b, 16);
    let s = v128.load32_splat(a);
    x0 = f32x4.add(x0, f32x4.mul(s, bx)), y0 = f32x4.add(y0, f32x4.mul(s, by));
    s = v128.load32_splat(a1);
    x1 = f32x4.add(x1, f32x4.mul(s, bx)), y1 = f32x4.add(y1, f32x4.mul(s, by));
    s = v128.load32_splat(a2);
    x2 = f32x4.add(x2, f32x4.mul(s, bx)), y2 = f32x4.add(y2, f32x4.mul(s, by));
    s = v128.load32_splat(a3);
    x3 = f32x4.add(x3, f32x4.mul(s, bx)), y3 = f32x4.add(y3, f32x4.mul(s, by));
    a += csa, a1 += csa, a2 += csa, a3 += csa;
    b += bytes(STRIP);
  }
  v128.store(c, x0), v128.store(c, y0, 16);
  v128.store(c1, x1), v128.store(c1, y1, 16);
  v128.store(c2, x2), v128.store(c2, y2, 16);
  v128.store(c3, x3), v128.store(c3, y3, 16);
}

/** Una fila suelta de 8 columnas de C. */
function row(kc: i32, a: usize, csa: usize, b: usize, c: usize, accumulate: bool): void {
  let x = f32x4.splat(0), y = x;
  if (accumulate) x = v128.load(c), y = v128.load(c, 16);
  for (let k = 0; k < kc; k++) {
    const s = v128.load32_splat(a);
    x = f32x4.add(x, f32x4.mul(s, v128.load(b)));
    y = f32x4.add(y, f32x4.mul(s, v128.load(b, 16)));
    a += csa, b += bytes(STRIP);
  }
  v128.store(c, x), v128.store(c, y, 16);
}

/** Una fila suelta de la última tira, que tiene menos de 8 columnas. */
function edge(kc: i32, nc: i32, a: usize, csa: usize, b: usize, c: usize, accumulate: bool): void {
  for (let n = 0; n < nc; n++) {
    let sum: f32 = accumulate ? load<f32>(c + bytes(n)) : 0;
    let p = a, q = b + bytes(n);
    for (let k = 0; k < kc; k++) {
      sum += load<f32>(p) * load<f32>(q);
      p += csa, q += bytes(STRIP);
    }
    store<f32>(c + bytes(n), sum);
  }
}
