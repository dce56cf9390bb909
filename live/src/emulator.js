// La consola: el emulador 6502.ts encendido y manejado como lo hace ALE.
import BoardModule from "6502.ts/lib/machine/stella/Board.js";
import ConfigModule from "6502.ts/lib/machine/stella/Config.js";
import Cartridge2kModule from "6502.ts/lib/machine/stella/cartridge/Cartridge2k.js";
import Cartridge4kModule from "6502.ts/lib/machine/stella/cartridge/Cartridge4k.js";
import SurfaceModule from "6502.ts/lib/video/surface/ArrayBufferSurface.js";
import { GAMES, HEIGHT, WIDTH, press } from "./games.js";

const LINE = 228; // ciclos de color de una línea de la pantalla
const TALL = 212; // filas de la imagen de 6502.ts
const FIRST_LINE = 33; // después de la sincronía vertical, la línea anterior a la primera que ALE muestra

// La perilla de ALE: cada cuadro con LEFT o RIGHT la mueve PADDLE_STEP, y su resistencia en ohmios sale de la posición.
const PADDLE = { start: 408_823, step: 23_000, min: 27_450, max: 790_196 };
// ALE cuenta 1.6·R·0.01 µF en ciclos de 1.19 MHz; 6502.ts, 380 líneas de 76 ciclos para 1 MΩ y los 1.8 kΩ de la consola.
const resistance = (position) => ((position * 1.6e-8 * 1.19e6 * (1e6 + 1800)) / (380 * 76) - 1800) / 1e6;

export class Emulator {
  /**
   * @param {string} name el juego, una clave de GAMES
   * @param {Uint8Array} rom su ROM
   */
  constructor(name, rom) {
    this.game = GAMES[name];
    const Cartridge = (rom.length <= 2048 ? Cartridge2kModule : Cartridge4kModule).default;
    // cpuType 1 ejecuta cada instrucción de una vez: el doble de rápido y los mismos cuadros.
    const config = ConfigModule.default.create({ randomSeed: 1, enableAudio: false, cpuType: 1, frameStart: FIRST_LINE });
    this.board = new BoardModule.default(config, new Cartridge(rom));
    this.pixels = new Uint32Array(WIDTH * TALL);
    const surface = SurfaceModule.default.createFromArrayBuffer(WIDTH, TALL, this.pixels.buffer);
    const video = this.board.getVideoOutput();
    video.setSurfaceFactory(() => surface);
    video.newFrame.addHandler(() => (this.drawn = true));
    this.board.suspend();
    /** La pantalla de ALE: 160×210 colores ABGR. Es una vista de la memoria del emulador: cambia en cada cuadro. */
    this.screen = this.pixels.subarray(0, WIDTH * HEIGHT);
    this.ram = new Uint8Array(128);
    this.reset();
  }

  /** Enciende la consola como ALE: 60 cuadros en reposo y luego la tecla RESET. */
  reset() {
    const reset = this.board.getControlPanel().getResetButton();
    this.board.reset();
    this.paddle = PADDLE.start;
    for (let i = 0; i < 60; i++) this.frame("NOOP");
    reset.toggle(true);
    for (let i = 0; i < 3; i++) this.frame("NOOP"); // los 4 de ALE: aquí el cuadro en curso también cuenta
    reset.toggle(false);
  }

  /**
   * Avanza un cuadro con una acción de ALE apretada.
   * @param {string} action
   */
  frame(action) {
    const { x, fire } = press(action);
    const { board, game } = this;
    const stick = board.getJoystick0();
    if (game.controller === "paddle") {
      this.paddle = Math.min(PADDLE.max, Math.max(PADDLE.min, this.paddle - x * PADDLE.step));
      board.getPaddle(1 - game.paddle).setValue(resistance(PADDLE.start));
      board.getPaddle(game.paddle).setValue(resistance(this.paddle));
      // Los botones de las perillas llegan por los cables de la palanca: el de la 0, por la derecha; el de la 1, por la
      // izquierda.
      (game.paddle === 0 ? stick.getRight() : stick.getLeft()).toggle(fire);
    } else {
      stick.getLeft().toggle(x < 0);
      stick.getRight().toggle(x > 0);
      stick.getFire().toggle(fire);
    }
    this.drawn = false;
    // Una ROM dañada puede no dibujar nunca: cuatro pantallas sin un cuadro son un error, y no una espera.
    for (let line = 0; !this.drawn; line++) {
      if (line > 4 * 312) throw new Error("La consola no dibuja: la ROM está dañada o no es de este juego.");
      board.tick(LINE);
    }
    const bus = board.getBus();
    for (let i = 0; i < 128; i++) this.ram[i] = bus.peek(0x80 + i);
  }

  /** Cambia un byte de la RAM. */
  poke(address, value) {
    this.board.getBus().write(0x80 + address, value);
  }

  /** @returns {import("./games.js").Status} */
  get status() {
    return this.game.read(this.ram);
  }
}
