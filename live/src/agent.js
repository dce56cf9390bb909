// El agente: mira la pila, quizá estorbada, y elige una acción ε-voraz.
import { SIDE } from "./games.js";
import { argmax } from "./network.js";
import { integer } from "./random.js";

export const EPSILON = 0.01; // el del protocolo del libro
const STACK = 4;
const FRAME = SIDE * SIDE;

/**
 * Lo que estorba al agente y no al juego.
 * @typedef {object} Hindrance
 * @property {boolean} [ball] taparle la zona por donde viaja la pelota
 * @property {boolean} [player] taparle la paleta
 * @property {boolean} [digits] taparle los dígitos
 * @property {boolean} [freeze] mostrarle cuatro veces el cuadro más nuevo
 * @property {number} [delay] pasos que tarda en obedecerse su acción
 */

/** La observación a través del estorbo; la pila queda como estaba. */
export function hinder(stack, game, hindrance) {
  const seen = stack.slice();
  if (hindrance.freeze) for (let k = 0; k < STACK - 1; k++) seen.copyWithin(k * FRAME, (STACK - 1) * FRAME);
  for (const [zone, { boxes }] of Object.entries(game.zones)) {
    if (!hindrance[zone]) continue;
    for (const [row, column, rows, columns] of boxes) {
      for (let k = 0; k < STACK; k++) {
        for (let y = row; y < row + rows; y++) {
          const at = k * FRAME + y * SIDE + column;
          seen.fill(game.background, at, at + columns);
        }
      }
    }
  }
  return seen;
}

export class Agent {
  /**
   * @param {import("./network.js").Network} network
   * @param {import("./games.js").Game} game
   */
  constructor(network, game) {
    Object.assign(this, { network, game, epsilon: EPSILON });
    this.forget();
  }

  /** Olvida las acciones que estaban por obedecerse: comienza otra partida. */
  forget() {
    this.queue = [];
  }

  /**
   * @param {Uint8Array} stack
   * @param {() => number} random
   * @param {Hindrance} [hindrance]
   * @returns {{seen: Uint8Array, q: Float32Array, chosen: number, random: boolean, action: string}} lo que vio, lo que
   *   vale cada acción, cuál eligió, si fue al azar, y la que se hace ahora (otra, si hay retraso)
   */
  decide(stack, random, hindrance = {}) {
    const seen = hinder(stack, this.game, hindrance);
    const q = this.network.q(seen).slice();
    const explores = random() < this.epsilon;
    const chosen = explores ? integer(random, q.length) : argmax(q);
    this.queue.push(this.game.actions[chosen]);
    const delay = hindrance.delay ?? 0;
    while (this.queue.length > delay + 1) this.queue.shift(); // el retraso acaba de bajar
    const action = this.queue.length > delay ? this.queue.shift() : "NOOP";
    return { seen, q, chosen, random: explores, action };
  }
}

/** Juega una partida entera. @returns {{score: number, frames: number}} */
export function playGame(agent, atari, random, hindrance = {}, maxFrames = 108_000) {
  atari.reset(random);
  agent.forget();
  while (!atari.status.over && atari.frames < maxFrames) {
    atari.begin(agent.decide(atari.stack, random, hindrance).action);
    while (!atari.advance());
  }
  return { score: atari.status.score, frames: atari.frames };
}
