// Lo que hay que saber de cada juego: con qué se maneja, dónde guarda el puntaje y qué parte de la pantalla es qué.

/** La pantalla de ALE, en píxeles, y el lado de los cuadros que ve la red. */
export const WIDTH = 160;
export const HEIGHT = 210;
export const SIDE = 84;

/** Acciones de ALE como lo que se aprieta: -1, 0 o 1 en cada eje de la palanca, y el botón. */
const PRESS = {
  NOOP: { x: 0, fire: false },
  FIRE: { x: 0, fire: true },
  RIGHT: { x: 1, fire: false },
  LEFT: { x: -1, fire: false },
  RIGHTFIRE: { x: 1, fire: true },
  LEFTFIRE: { x: -1, fire: true },
};

const digits = (byte) => (byte >> 4) * 10 + (byte & 15); // dos cifras decimales en un byte

/**
 * @typedef {object} Status
 * @property {number} score puntaje de la partida, sin recortar
 * @property {number} lives vidas que quedan (0 donde el juego no las tiene)
 * @property {boolean} over si la partida terminó
 *
 * @typedef {object} Game
 * @property {string} rom nombre de la ROM
 * @property {string} title nombre que se muestra
 * @property {string[]} actions las acciones del agente, en el orden de ALE
 * @property {"paddle" | "joystick"} controller
 * @property {number} paddle cuál de las dos primeras perillas de la consola es la del jugador
 * @property {(ram: Uint8Array, started: boolean) => Status} read lee el puntaje de la RAM, en las direcciones de ALE
 * @property {"x" | "y"} axis por dónde se mueve lo que el jugador maneja: "x", a lo ancho; "y", a lo alto
 * @property {(emulator: import("./emulator.js").Emulator) => number} locate dónde está, en píxeles de la pantalla
 * @property {number} background el gris del fondo, con el que se tapa
 * @property {Record<string, {label: string, boxes: number[][]}>} zones partes de la pantalla de 84×84 que se pueden
 *   tapar; cada caja es [fila, columna, filas, columnas]
 */

/** @type {Record<string, Game>} */
export const GAMES = {
  Breakout: {
    rom: "breakout",
    title: "Breakout",
    actions: ["NOOP", "FIRE", "RIGHT", "LEFT"],
    controller: "paddle",
    paddle: 0,
    read(ram) {
      return { score: digits(ram[77]) + 100 * (ram[76] & 15), lives: ram[57], over: ram[57] === 0 };
    },
    axis: "x",
    locate: (emulator) => 133.5 - (emulator.paddle - 300_000) * 2.467e-4,
    background: 0,
    // Las mismas partes que tapa el capítulo 7.
    zones: {
      ball: { label: "la pelota", boxes: [[13, 5, 10, 74], [38, 5, 37, 74]] },
      player: { label: "la paleta", boxes: [[75, 5, 3, 74]] },
      digits: { label: "los dígitos", boxes: [[0, 0, 6, 84]] },
    },
  },
  Pong: {
    rom: "pong",
    title: "Pong",
    actions: ["NOOP", "FIRE", "RIGHT", "LEFT", "RIGHTFIRE", "LEFTFIRE"],
    controller: "paddle",
    paddle: 1,
    read(ram) {
      return { score: ram[14] - ram[13], lives: 0, over: ram[13] === 21 || ram[14] === 21 };
    },
    axis: "y",
    locate: (emulator) => 75.5 + (emulator.paddle - 300_000) * 2.533e-4,
    background: 87,
    zones: {
      ball: { label: "la pelota", boxes: [[14, 12, 63, 61]] },
      player: { label: "la paleta", boxes: [[14, 73, 63, 4]] },
      digits: { label: "los dígitos", boxes: [[0, 0, 9, 84]] },
    },
  },
  SpaceInvaders: {
    rom: "space_invaders",
    title: "Space Invaders",
    actions: ["NOOP", "FIRE", "RIGHT", "LEFT", "RIGHTFIRE", "LEFTFIRE"],
    controller: "joystick",
    paddle: 0,
    read(ram) {
      return {
        score: digits(ram[0xe6 - 128]) * 100 + digits(ram[0xe8 - 128]),
        lives: ram[0xc9 - 128],
        over: (ram[0x98 - 128] & 128) !== 0 || ram[0xc9 - 128] === 0,
      };
    },
    axis: "x",
    locate: (emulator) => emulator.ram[28] + 2,
    background: 0,
    zones: {
      ball: { label: "los invasores", boxes: [[11, 0, 51, 84]] },
      player: { label: "el cañón", boxes: [[73, 0, 5, 84]] },
      digits: { label: "los dígitos", boxes: [[2, 0, 8, 84]] },
    },
  },
};

/** Lo que aprieta una acción, por su nombre. */
export const press = (action) => PRESS[action];
