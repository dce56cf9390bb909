// Las piezas sueltas: lo que se le tapa al agente, el resumen de los puntajes, los pesos dañados.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Agent, hinder } from "../src/agent.js";
import { GAMES } from "../src/games.js";
import { Network, fromHalf } from "../src/network.js";
import { summarize } from "../src/stats.js";
import { references } from "./common.mjs";

test("la media precisión se deshace como en IEEE 754", () => {
  assert.deepEqual([0x3c00, 0xc000, 0x0001, 0x7bff, 0x3555].map(fromHalf), [1, -2, 2 ** -24, 65504, 0.333251953125]);
});

test("el resumen da la media, el intervalo y el puntaje normalizado de coursekit", () => {
  for (const [name, reference] of Object.entries({ Breakout: [1.7, 30.5], SpaceInvaders: [148, 1668.7] })) {
    const { scores, summary } = references[name].published;
    const ours = summarize(scores, { chance: reference[0], human: reference[1] });
    assert.ok(Math.abs(ours.mean - summary.mean) < 1e-9 && Math.abs(ours.hns - summary.hns) < 1e-9);
    const close = 0.06 * (summary.ci_high - summary.ci_low); // cada quien remuestrea con su propio azar
    assert.ok(Math.abs(ours.low - summary.ci_low) < close && Math.abs(ours.high - summary.ci_high) < close);
  }
  assert.equal(summarize([]), null);
});

test("cada estorbo cambia solo lo que dice, y no toca la pila del juego", () => {
  for (const game of Object.values(GAMES)) {
    const stack = Uint8Array.from({ length: 4 * 84 * 84 }, (_, i) => 1 + (i % 80) + Math.floor(i / 7056));
    const before = stack.slice();
    for (const [zone, { boxes }] of Object.entries(game.zones)) {
      const seen = hinder(stack, game, { [zone]: true });
      const hidden = 4 * boxes.reduce((sum, [, , rows, columns]) => sum + rows * columns, 0);
      const changed = seen.filter((value, i) => value !== stack[i]);
      assert.ok(changed.length > 0.9 * hidden && changed.length <= hidden, `${game.title}, ${zone}`);
      assert.ok(changed.every((value) => value === game.background));
    }
    const frozen = hinder(stack, game, { freeze: true });
    for (let k = 0; k < 4; k++) assert.deepEqual(frozen.subarray(k * 7056, (k + 1) * 7056), stack.subarray(3 * 7056));
    assert.deepEqual(stack, before);
  }
});

test("el retraso hace cada acción tantos pasos después, y al quitarlo no quedan acciones viejas", () => {
  const game = GAMES.Breakout, stack = new Uint8Array(4 * 84 * 84);
  let turn = 0;
  const agent = new Agent({ q: () => Float32Array.from({ length: 4 }, (_, a) => Number(a === turn % 4)) }, game);
  const never = () => 0.999; // nunca explora
  const done = [];
  for (turn = 0; turn < 8; turn++) done.push(agent.decide(stack, never, { delay: turn < 6 ? 2 : 0 }).action);
  assert.deepEqual(done, ["NOOP", "NOOP", "NOOP", "FIRE", "RIGHT", "LEFT", "RIGHT", "LEFT"]);
});

test("unos pesos de otro tamaño se rechazan con una frase", () => {
  assert.throws(() => new Network(new Uint8Array(10), 4), /pesan 10 bytes y debían ser 3372360/);
});
