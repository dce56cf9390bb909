// Lo que se dibuja: la pantalla, los cuatro cuadros y las curvas de los valores Q.
import { HEIGHT, SIDE, WIDTH } from "../games.js";

const GAP = 3;
// Okabe e Ito, en el orden de las acciones: se distinguen también con daltonismo, sobre claro y sobre oscuro.
export const COLOURS = ["#8a8f98", "#d98200", "#2f8fd0", "#0a9e74", "#c7609a", "#c95000"];

/** Pone en el lienzo la pantalla de 160×210. */
export function drawScreen(canvas, screen) {
  const pixels = new Uint8ClampedArray(screen.buffer, screen.byteOffset, WIDTH * HEIGHT * 4);
  canvas.getContext("2d").putImageData(new ImageData(pixels, WIDTH, HEIGHT), 0, 0);
}

/** Pone en el lienzo los cuatro cuadros, el más nuevo a la derecha; algo más claros, para que se vean. */
export function drawSeen(canvas, stack) {
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, canvas.height);
  for (let k = 0; k < 4; k++) {
    const image = context.createImageData(SIDE, SIDE);
    for (let i = 0; i < SIDE * SIDE; i++) {
      image.data.fill(Math.min(255, stack[k * SIDE * SIDE + i] * 1.5), 4 * i, 4 * i + 3);
      image.data[4 * i + 3] = 255;
    }
    context.putImageData(image, k * (SIDE + GAP), 0);
  }
}

/**
 * Las curvas: una por acción.
 * @param {HTMLCanvasElement} canvas
 * @param {Float32Array[]} trace los valores Q de cada paso, del más viejo al más nuevo
 * @param {number} length pasos que caben en el ancho
 * @param {{low: number, high: number}} range
 * @param {{text: string, line: string}} ink colores
 */
export function drawTrace(canvas, trace, length, { low, high }, ink) {
  const scale = window.devicePixelRatio || 1;
  const width = canvas.clientWidth, height = canvas.clientHeight;
  if (canvas.width !== Math.round(width * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  const left = 38, top = 8, bottom = height - 8;
  const y = (value) => bottom - ((value - low) / (high - low)) * (bottom - top);
  context.font = "12px system-ui, sans-serif";
  context.fillStyle = ink.text;
  context.strokeStyle = ink.line;
  context.textAlign = "right";
  context.textBaseline = "middle";
  context.lineWidth = 1;
  context.beginPath();
  for (const value of [low, (low + high) / 2, high]) {
    context.fillText(value.toFixed(2), left - 5, y(value));
    context.moveTo(left, y(value));
    context.lineTo(width, y(value));
  }
  context.stroke();
  const actions = trace[0]?.length ?? 0;
  for (let a = 0; a < actions; a++) {
    context.strokeStyle = COLOURS[a];
    context.lineWidth = 1.75;
    context.beginPath();
    trace.forEach((q, i) => context.lineTo(left + ((length - trace.length + i) / (length - 1)) * (width - left - 2), y(q[a])));
    context.stroke();
  }
}
