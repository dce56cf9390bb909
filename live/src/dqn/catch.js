/** «Atrapa la pelota», el juego de coursekit/comparison/catch.py: las mismas reglas y los mismos píxeles. */

export const SIZE = 10; // filas y columnas del cuadro
export const PADDLE = 3; // celdas que ocupa la paleta
export const ACTIONS = ["izquierda", "quieta", "derecha"];
export const OBSERVATION = 2 * SIZE * SIZE; // dos cuadros, el más nuevo al final
export const STEPS = SIZE - 1; // pasos de un episodio
const FRAME = SIZE * SIZE;

/** Una pelota cae en diagonal, rebota en las paredes y hay que atraparla con una paleta de 3 celdas. */
export class CatchEnv {
  /** @param {import("./random.js").Random} rng */
  constructor(rng) {
    this.rng = rng;
    /** Lo que ve el agente: 0 es fondo y 255 es pelota o paleta. */
    this.observation = new Uint8Array(OBSERVATION);
    this.reset();
  }

  /** Comienza un episodio; al comenzar no hay cuadro anterior, y su lugar va en ceros. */
  reset() {
    this.ballRow = 0;
    this.ballCol = this.rng.integers(SIZE);
    this.ballDx = this.rng.integers(2) ? 1 : -1;
    this.paddleCol = this.rng.integers(SIZE - PADDLE + 1); // su celda de la izquierda
    this.observation.fill(0);
    draw(this.observation, FRAME, this);
  }

  /** Mueve la paleta y luego la pelota: 0 izquierda, 1 quieta, 2 derecha. */
  step(action) {
    this.paddleCol = Math.min(Math.max(this.paddleCol + action - 1, 0), SIZE - PADDLE);
    moveBall(this);
    this.observation.copyWithin(0, FRAME);
    this.observation.fill(0, FRAME);
    draw(this.observation, FRAME, this);
    const done = this.ballRow === SIZE - 1;
    return { reward: done ? (caught(this) ? 1 : -1) : 0, done };
  }
}

function moveBall(state) {
  const next = state.ballCol + state.ballDx;
  if (next < 0 || next >= SIZE) state.ballDx = -state.ballDx;
  state.ballCol += state.ballDx;
  state.ballRow++;
}

const caught = ({ ballCol, paddleCol }) => ballCol >= paddleCol && ballCol < paddleCol + PADDLE;

function draw(observation, start, { ballRow, ballCol, paddleCol }) {
  const bottom = start + (SIZE - 1) * SIZE;
  observation.fill(255, bottom + paddleCol, bottom + paddleCol + PADDLE);
  observation[start + ballRow * SIZE + ballCol] = 255;
}

/**
 * El estado en que la pelota acaba de llegar a (`ballRow`, `ballCol`) moviéndose hacia `ballDx` con la paleta quieta.
 * A una columna del borde solo se llega yendo hacia él: ahí `ballDx` no se elige.
 */
export function stateAt(ballRow, ballCol, ballDx, paddleCol) {
  if (ballRow > 0 && ballCol === 0) ballDx = -1;
  if (ballRow > 0 && ballCol === SIZE - 1) ballDx = 1;
  return { ballRow, ballCol, ballDx, paddleCol };
}

/** Escribe en `observation`, desde `start`, los dos cuadros que se ven en ese estado. */
export function observe(state, observation, start = 0) {
  observation.fill(0, start, start + OBSERVATION);
  const { ballRow, ballCol, ballDx, paddleCol } = state;
  if (ballRow > 0) draw(observation, start, { ballRow: ballRow - 1, ballCol: ballCol - ballDx, paddleCol });
  draw(observation, start + FRAME, state);
}

/** El mejor valor Q exacto de un estado: ±γ elevado a los pasos que faltan menos uno, según si hay tiempo de llegar. */
export function exactValue(state, gamma) {
  const left = SIZE - 1 - state.ballRow;
  const end = { ...state };
  while (end.ballRow < SIZE - 1) moveBall(end);
  const distance = Math.max(state.paddleCol - end.ballCol, end.ballCol - (state.paddleCol + PADDLE - 1), 0);
  return (distance <= left ? 1 : -1) * gamma ** (left - 1);
}
