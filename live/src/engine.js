// El motor: lleva el tiempo, hace jugar al agente y a la persona, y manda lo que hay que mostrar. No sabe de páginas.
import { Agent } from "./agent.js";
import { Atari } from "./atari.js";
import { Network } from "./network.js";
import { generator } from "./random.js";

const FRAME_MS = 1000 / 60;
const LATE = 6; // cuadros que se recuperan si el navegador se atrasó; lo demás se deja pasar
const NEAR = 3; // píxeles: más cerca de donde apunta el dedo, la paleta no se mueve

/**
 * Lo que la persona aprieta.
 * @typedef {object} Input
 * @property {-1 | 0 | 1} move hacia dónde: 1 es la acción RIGHT
 * @property {boolean} fire
 * @property {number | null} target píxel de la pantalla al que apunta el dedo, o null
 */

/** La acción de ALE que corresponde a lo que la persona aprieta. */
export function actionOf(input, emulator) {
  const { game } = emulator;
  let { move } = input;
  if (input.target !== null) {
    const gap = input.target - game.locate(emulator);
    move = Math.abs(gap) < NEAR ? 0 : Math.sign(gap);
    if (game.axis === "y") move = -move; // RIGHT sube
  }
  const name = move === 0 ? "" : move > 0 ? "RIGHT" : "LEFT";
  if (!input.fire) return name || "NOOP";
  return game.actions.includes(`${name}FIRE`) ? `${name}FIRE` : name || "FIRE";
}

export class Engine {
  /**
   * @param {(message: object, transfer?: Transferable[]) => void} post por dónde salen los mensajes
   * @param {{now?: () => number}} [options]
   */
  constructor(post, { now = () => performance.now() } = {}) {
    Object.assign(this, { post, now });
    this.speed = 1;
    this.hindrance = {};
    this.sticky = 0;
    this.input = { move: 0, fire: false, target: null };
    this.timer = null;
    this.waiting = false; // hay una vista que la página todavía no dibujó
  }

  /** Un mensaje de la página. */
  receive({ type, ...message }) {
    try {
      this[`on_${type}`](message);
    } catch (error) {
      this.on_pause();
      this.post({ type: "error", message: error.message });
    }
  }

  /** Carga un juego y, si juega el agente, sus pesos. `mode`: "agent", "person" o "duel". */
  on_load({ game, rom, weights, mode, seed }) {
    this.on_pause();
    Object.assign(this, { mode, game, rom, seed });
    const lane = () => new Atari(game, rom);
    this.person = mode === "agent" ? null : lane();
    this.robot = mode === "person" ? null : lane();
    this.agent = null;
    if (this.robot) this.on_agent({ weights });
    this.on_new({ seed });
  }

  /** Cambia de agente sin cambiar de partida. */
  on_agent({ weights }) {
    this.agent = new Agent(new Network(weights, this.robot.game.actions.length), this.robot.game);
    this.decision = null;
  }

  /** Partida nueva; en el duelo, el mismo comienzo para los dos. */
  on_new({ seed }) {
    this.seed = seed;
    this.random = generator(seed + 1);
    this.robot?.reset(generator(seed));
    this.person?.reset(generator(seed));
    this.agent?.forget();
    this.decision = null;
    this.trace = [];
    this.honest = true; // la partida de la persona va a la velocidad del juego, y se puede anotar
    this.told = new Set();
    this.show();
  }

  on_play() {
    if (this.timer !== null) return;
    this.before = this.now();
    this.owed = 0;
    const loop = () => {
      this.timer = setTimeout(loop, 1);
      this.tick();
    };
    this.timer = setTimeout(loop, 0);
    if (this.speed !== 1) this.honest = false;
  }

  on_pause() {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
  }

  on_speed({ speed }) {
    this.speed = speed;
    if (speed !== 1) this.honest = false;
  }

  on_input(input) {
    this.input = input;
  }

  on_hinder({ sticky, ...hindrance }) {
    this.sticky = sticky;
    this.hindrance = hindrance;
  }

  /** Un paso del agente: 4 cuadros. */
  on_step() {
    this.on_pause();
    do this.frame();
    while (this.robot && this.robot.left > 0);
    this.show();
  }

  on_shown() {
    this.waiting = false;
  }

  /** Los cuadros que tocan desde la última vez, y una vista si la página ya dibujó la anterior. */
  tick() {
    const now = this.now();
    this.owed = Math.min(LATE * Math.max(1, this.speed), this.owed + ((now - this.before) / FRAME_MS) * this.speed);
    this.before = now;
    if (this.owed < 1) return;
    const deadline = now + 2 * FRAME_MS; // si la máquina no da abasto, el juego va más lento y la página no espera
    while (this.owed >= 1) {
      this.owed--;
      try {
        this.frame();
      } catch (error) {
        this.on_pause();
        this.post({ type: "error", message: error.message });
        return;
      }
      if (this.now() > deadline) this.owed = 0;
    }
    if (!this.waiting) this.show();
    if ([this.robot, this.person].every((lane) => !lane || lane.status.over)) {
      this.on_pause();
      this.show();
    }
  }

  /** Un cuadro de cada partida. */
  frame() {
    const { robot, person } = this;
    if (robot && !robot.status.over) {
      if (robot.left === 0) this.decide();
      robot.sticky = this.sticky;
      robot.advance();
      if (robot.status.over) this.tell("agent", robot);
    }
    if (person && !person.status.over) {
      person.frame(actionOf(this.input, person.emulator));
      if (person.status.over) this.tell("person", person);
    }
  }

  decide() {
    const decision = this.agent.decide(this.robot.stack, this.random, this.hindrance);
    const forced = this.robot.pressFire;
    this.decision = { ...decision, forced, done: this.robot.begin(decision.action) };
    this.trace.push(...decision.q);
  }

  /** Una partida que terminó. */
  tell(who, { status, frames }) {
    if (this.told.has(who)) return;
    this.told.add(who);
    this.post({ type: "over", who, score: status.score, frames, honest: this.honest });
  }

  /** Manda a la página lo que hay que dibujar. */
  show() {
    this.waiting = true;
    const lane = (atari) => atari && { screen: atari.emulator.screen.slice(), ...atari.status, frames: atari.frames };
    const robot = lane(this.robot), person = lane(this.person);
    const { decision } = this;
    const seen = this.robot && (decision?.seen ?? this.robot.stack).slice();
    const view = {
      type: "view",
      robot,
      person,
      seen,
      q: decision?.q ?? null,
      chosen: decision?.chosen ?? null,
      random: decision?.random ?? false,
      forced: decision?.forced ?? false,
      done: decision?.done ?? null,
      trace: Float32Array.from(this.trace),
      playing: this.timer !== null,
    };
    this.trace = [];
    this.post(view, [robot, person].filter(Boolean).map((l) => l.screen.buffer).concat(seen ? [seen.buffer] : []));
  }
}
