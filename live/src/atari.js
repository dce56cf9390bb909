// El ambiente: las mismas reglas que coursekit.ale_vec_env.AleVecEnv con training=False, cuadro por cuadro.
import { Emulator } from "./emulator.js";
import { SIDE } from "./games.js";
import { reduce, toGray } from "./preprocess.js";

export const FRAME_SKIP = 4;
export const STACK = 4;
const FRAME = SIDE * SIDE;
const NOOP_MAX = 30;

export class Atari {
  /**
   * @param {string} name el juego
   * @param {Uint8Array} rom
   */
  constructor(name, rom) {
    this.emulator = new Emulator(name, rom);
    this.game = this.emulator.game;
    this.grays = [0, 1].map(() => toGray(this.emulator.screen));
    this.sticky = 0; // probabilidad de repetir, en cada cuadro, la acción anterior
  }

  /**
   * Comienza una partida: enciende la consola, deja pasar de 0 a 29 cuadros y pide FIRE como primera acción.
   * @param {() => number} random de él salen los cuadros de espera y las acciones pegajosas
   */
  reset(random) {
    this.random = random;
    this.emulator.reset();
    const noops = Math.floor(random() * NOOP_MAX);
    for (let i = 0; i < noops; i++) this.emulator.frame("NOOP");
    /** La pila: (4, 84, 84), con el cuadro más nuevo al final y ceros antes del comienzo. */
    this.stack = new Uint8Array(STACK * FRAME);
    toGray(this.emulator.screen, this.grays[1]);
    this.stack.set(reduce(this.grays[1], this.grays[1]), (STACK - 1) * FRAME);
    this.status = this.emulator.status;
    this.executed = "NOOP";
    this.frames = noops;
    this.steps = 0;
    this.left = 0; // cuadros que faltan del paso en curso
    this.pressFire = this.game.actions.includes("FIRE");
  }

  /** Un cuadro con una acción; con acciones pegajosas, quizá con la anterior. */
  frame(action) {
    if (!(this.random() < this.sticky)) this.executed = action;
    const { lives } = this.status;
    this.emulator.frame(this.executed);
    this.frames++;
    this.status = this.emulator.status;
    if (this.status.lives > 0 && this.status.lives < lives) this.pressFire = this.game.actions.includes("FIRE");
  }

  /**
   * Comienza un paso del agente: la acción durará 4 cuadros. La primera de la partida, y la primera después de perder
   * una vida, es FIRE.
   * @param {string} action
   * @returns {string} la acción que se hará
   */
  begin(action) {
    this.action = this.pressFire ? "FIRE" : action;
    this.pressFire = false;
    this.left = FRAME_SKIP;
    return this.action;
  }

  /** Avanza un cuadro del paso en curso. @returns {boolean} si el paso terminó, y con él se apiló un cuadro nuevo */
  advance() {
    this.frame(this.action);
    this.left = this.status.over ? 0 : this.left - 1;
    if (this.left < 2) {
      this.grays.reverse();
      toGray(this.emulator.screen, this.grays[1]);
    }
    if (this.left > 0) return false;
    this.steps++;
    this.stack.copyWithin(0, FRAME);
    this.stack.set(reduce(this.grays[0], this.grays[1]), (STACK - 1) * FRAME);
    return true;
  }
}
