// La página contra Python: el emulador contra ALE, el preprocesamiento contra AtariVectorEnv, la red contra PyTorch.
import assert from "node:assert/strict";
import { test } from "node:test";
import palette from "6502.ts/lib/machine/stella/tia/palette.js";
import { Agent, playGame } from "../src/agent.js";
import { Atari } from "../src/atari.js";
import { Emulator } from "../src/emulator.js";
import { GAMES, HEIGHT, SIDE, WIDTH } from "../src/games.js";
import { Network, argmax } from "../src/network.js";
import { reduce, toGray } from "../src/preprocess.js";
import { fixture, references, unpack } from "./common.mjs";

const SCREEN = WIDTH * HEIGHT;
const colours = (numbers) => Uint32Array.from(numbers, (n) => palette.NTSC[n]);

for (const [name, game] of Object.entries(GAMES)) {
  test(`${name}: las acciones son las de ALE`, () => assert.deepEqual(game.actions, references[name].actions));

  test(`${name}: los colores y sus grises son los de ALE`, () => {
    for (const [number, [red, green, blue, gray]] of Object.entries(references[name].colours)) {
      const colour = palette.NTSC[number];
      assert.deepEqual([colour & 255, (colour >> 8) & 255, (colour >> 16) & 255], [red, green, blue]);
      assert.equal(toGray(new Uint32Array(SCREEN).fill(colour))[0], gray);
    }
  });

  test(`${name}: el emulador sigue a ALE cuadro por cuadro`, (context) => {
    const trace = fixture(game.rom, "traza"), size = 6 + 128 + SCREEN, frames = trace.length / size;
    const emulator = new Emulator(name, fixture(game.rom, "rom"));
    let pixels = 0, scores = 0, lives = 0;
    for (let t = 0; t < frames; t++) {
      const at = t * size;
      emulator.frame(game.actions[trace.readInt16LE(at)]);
      // En Space Invaders, ALE enciende al azar el byte del que salen las bombas: se le da el mismo valor.
      if (t === 0 && name === "SpaceInvaders") for (const i of [90, 106]) emulator.poke(i, trace[at + 6 + i]);
      lives += emulator.status.lives !== trace.readInt16LE(at + 2);
      scores += emulator.status.score !== trace.readInt16LE(at + 4);
      if (t % 10 === 9) {
        const theirs = colours(trace.subarray(at + 134, at + size));
        for (let i = 0; i < SCREEN; i++) pixels += emulator.screen[i] !== theirs[i];
      }
    }
    const share = pixels / (SCREEN * Math.floor(frames / 10));
    context.diagnostic(`${frames} cuadros: ${(100 * share).toFixed(3)} % de los píxeles distintos; puntaje distinto en ${scores} cuadros; vidas, en ${lives}`);
    assert.ok(frames > 900 && share < 0.001 && scores <= 0.01 * frames && lives === 0);
    if (name === "Breakout") assert.equal(pixels + scores, 0);
  });

  test(`${name}: el preprocesamiento da los mismos grises que ALE y OpenCV`, (context) => {
    const data = fixture(game.rom, "cuadros"), size = 2 * SCREEN + SIDE * SIDE, steps = data.length / size;
    let worst = 0, different = 0;
    for (let s = 0; s < steps; s++) {
      const at = s * size, pair = [0, SCREEN].map((k) => toGray(colours(data.subarray(at + k, at + k + SCREEN))));
      const small = reduce(...pair);
      for (let i = 0; i < SIDE * SIDE; i++) {
        const gap = Math.abs(small[i] - data[at + 2 * SCREEN + i]);
        worst = Math.max(worst, gap);
        different += gap > 0;
      }
    }
    context.diagnostic(`${steps} cuadros: mayor diferencia ${worst}; ${different} píxeles distintos de ${steps * SIDE * SIDE}`);
    assert.equal(steps, 200);
    assert.equal(worst, 0);
  });

  for (const wasm of [true, false]) {
    test(`${name}: la red ${wasm ? "en WebAssembly" : "en JavaScript"} da los valores Q de PyTorch`, (context) => {
      const data = fixture(game.rom, "estados"), n = game.actions.length, states = data.length / (4 * SIDE * SIDE + 4 * n);
      const network = new Network(unpack(fixture(game.rom, "pesos")), n, { wasm });
      let worst = 0, same = 0;
      for (let s = 0; s < states; s++) {
        const theirs = Array.from({ length: n }, (_, a) => data.readFloatLE(states * 4 * SIDE * SIDE + 4 * (s * n + a)));
        const ours = network.q(data.subarray(s * 4 * SIDE * SIDE, (s + 1) * 4 * SIDE * SIDE));
        for (let a = 0; a < n; a++) worst = Math.max(worst, Math.abs(ours[a] - theirs[a]));
        same += argmax(ours) === argmax(theirs);
      }
      context.diagnostic(`${states} estados (${network.math.backend}): |ΔQ| ≤ ${worst.toExponential(1)}; misma acción voraz en ${same}`);
      assert.equal(states, 500);
      assert.equal(network.math.backend, wasm ? "wasm" : "js");
      assert.ok(worst <= 0.02 && same >= 0.99 * states);
    });
  }
}

test("las partidas voraces de Breakout son, punto por punto, las publicadas", () => {
  const { scores, lengths } = references.Breakout.greedy;
  const published = new Set(scores.map((score, i) => `${score} puntos en ${lengths[i]} cuadros`));
  const agent = new Agent(new Network(unpack(fixture("breakout", "pesos")), 4), GAMES.Breakout);
  agent.epsilon = 0;
  const atari = new Atari("Breakout", fixture("breakout", "rom"));
  const played = [0, 1, 3, 6].map((noops) => {
    const draws = [(noops + 0.5) / 30]; // el primer número del azar decide los cuadros de espera; los demás no deciden nada
    const { score, frames } = playGame(agent, atari, () => draws.shift() ?? 0.999);
    return `${score} puntos en ${frames} cuadros`;
  });
  assert.equal(new Set(played).size, 4); // una por fase del salto de cuadros
  for (const game of played) assert.ok(published.has(game), game);
});
