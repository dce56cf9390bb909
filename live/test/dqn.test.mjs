import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { CatchEnv, OBSERVATION, SIZE, exactValue, observe } from "../src/dqn/catch.js";
import { Batch, DQN, HYPERPARAMETERS, N_ENVS, ReplayBuffer, explorationSchedule } from "../src/dqn/dqn.js";
import { eachWeight, split } from "../src/dqn/network.js";
import { Random } from "../src/dqn/random.js";
import { tableAt, walk } from "../src/dqn/corridor.js";
import { describe, fromHash, toHash } from "../src/dqn/settings.js";

const torch = JSON.parse(readFileSync(new URL("dqn_fixture.json", import.meta.url)));

// ---- Contra PyTorch: los pesos y el lote salen de la cuenta de dqn_fixture.py.

function numbers(seed, length) {
  let state = seed;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state >>> 12) / 2 ** 19 - 1;
  });
}

const NAMES = ["w1", "b1", "w2", "b2", "w3", "b3", "w4", "b4"];

function fill(network, seed) {
  const lengths = Object.fromEntries(NAMES.map((name) => [name, 0]));
  eachWeight((name) => lengths[name]++);
  const values = Object.fromEntries(NAMES.map((name, i) => [name, numbers(seed + i, lengths[name])]));
  eachWeight((name, here, inputs, there) => {
    const fanIn = name[0] === "b" ? 4 : inputs;
    network.parts[name][here] = values[name][there] * Math.fround(2 / Math.sqrt(fanIn));
  });
}

const pixels = (seed, n) => Uint8Array.from(numbers(seed, n * OBSERVATION), (x) => (x > 0.8 ? 255 : 0));

function fixture(options, changes) {
  const model = new DQN(changes, 0, options);
  fill(model.qNet, 1);
  fill(model.qNetTarget, 21);
  const batch = new Batch(64);
  batch.observations.set(pixels(41, 64));
  batch.nextObservations.set(pixels(42, 64));
  batch.actions.set(numbers(43, 64).map((x) => Math.floor((x + 1) * 1.5)));
  batch.rewards.set(numbers(44, 64));
  batch.dones.set(Uint8Array.from(numbers(45, 64), (x) => (x > 0.5 ? 1 : 0)));
  batch.discounts.fill(0.99);
  return { model, batch };
}

/** Los gradientes en el orden de PyTorch. */
function gradientsOf(model) {
  const parts = split(model.gradients.parameters);
  const lists = Object.fromEntries(NAMES.map((name) => [name, []]));
  eachWeight((name, here, _, there) => (lists[name][there] = parts[name][here]));
  return NAMES.map((name) => lists[name]);
}

for (const wasm of [true, false])
  for (const name of ["dqn", "double"])
    test(`pérdida y gradientes son los de PyTorch (${name}, ${wasm ? "WebAssembly" : "JavaScript"})`, (t) => {
      const { model, batch } = fixture({ wasm }, { double: name === "double" });
      const expected = torch[name];
      const target = model.computeTarget(batch);
      let worst = Math.max(...target.map((value, i) => Math.abs(value - expected.target[i])));
      assert.ok(worst < 1e-5, `los objetivos difieren en ${worst}`);

      const loss = model.computeLoss(batch, target);
      worst = Math.abs(loss / expected.loss - 1);
      assert.ok(worst < 1e-4, `la pérdida es ${loss} y debía ser ${expected.loss}`);
      model.gradients.backward(model.qNet, model.activations, 64);
      gradientsOf(model).forEach((gradient, i) => {
        const scale = expected.norms[i];
        const norm = Math.sqrt(gradient.reduce((sum, g) => sum + g * g, 0));
        const direction = numbers(60 + i, gradient.length);
        const projection = gradient.reduce((sum, g, k) => sum + g * direction[k], 0);
        const stride = Math.max(1, Math.floor(gradient.length / 61));
        const sample = gradient.filter((_, k) => k % stride === 0);
        const apart = Math.sqrt(sample.reduce((sum, g, k) => sum + (g - expected.samples[i][k]) ** 2, 0));
        const size = Math.hypot(...expected.samples[i]);
        const errors = [Math.abs(norm / scale - 1), Math.abs(projection - expected.projections[i]) / scale, apart / size];
        worst = Math.max(worst, ...errors);
        assert.ok(Math.max(...errors) < 1e-4, `${NAMES[i]}: errores relativos ${errors}`);
      });
      t.diagnostic(`mayor error relativo: ${worst.toExponential(1)}`);
    });

test("acortar el gradiente y dar un paso de Adam dejan la red donde la deja PyTorch", () => {
  const { model, batch } = fixture({}, { double: true, max_grad_norm: 0.05, learning_rate: 1e-3 });
  model.train(batch);
  const q = model.qValues(pixels(41, 64).subarray(0, 8 * OBSERVATION), 8);
  torch.q_after_step.forEach((value, i) => assert.ok(Math.abs(q[i] - value) < 2e-4, `${q[i]} y ${value}`));
});

// ---- El juego.

test("un episodio dura 9 pasos, y atrapar la pelota vale 1 y perderla −1", () => {
  const env = new CatchEnv(new Random(3));
  const seen = new Set();
  for (let episode = 0; episode < 200; episode++) {
    env.reset();
    for (let step = 1; step <= 9; step++) {
      const { reward, done } = env.step(1);
      assert.equal(done, step === 9);
      if (!done) assert.equal(reward, 0);
      else {
        const over = env.ballCol - env.paddleCol;
        assert.equal(reward, over >= 0 && over < 3 ? 1 : -1);
        seen.add(reward);
      }
    }
  }
  assert.equal(seen.size, 2);
});

test("lo que se ve en un estado es lo que el juego muestra al llegar a él con la paleta quieta", () => {
  const env = new CatchEnv(new Random(5));
  const observation = new Uint8Array(OBSERVATION);
  for (let episode = 0; episode < 100; episode++) {
    env.reset();
    for (let step = 0; step < 9; step++) {
      observe(env, observation);
      assert.deepEqual(observation, env.observation);
      env.step(1);
    }
  }
});

test("el valor exacto es el de probar todas las jugadas que quedan", () => {
  const search = (state, gamma) => {
    let best = -Infinity;
    for (let action = 0; action < 3; action++) {
      const env = Object.assign(new CatchEnv(new Random(0)), state);
      const { reward, done } = env.step(action);
      const { ballRow, ballCol, ballDx, paddleCol } = env;
      best = Math.max(best, done ? reward : gamma * search({ ballRow, ballCol, ballDx, paddleCol }, gamma));
    }
    return best;
  };
  for (let ballRow = 4; ballRow < SIZE - 1; ballRow++)
    for (let ballCol = 1; ballCol < 9; ballCol += 2)
      for (const ballDx of [-1, 1])
        for (const paddleCol of [0, 3, 7]) {
          const state = { ballRow, ballCol, ballDx, paddleCol };
          assert.ok(Math.abs(exactValue(state, 0.9) - search(state, 0.9)) < 1e-12);
        }
});

// ---- Las piezas.

test("ε baja en línea recta hasta la mitad del entrenamiento, como en el capítulo 3", () => {
  const at = (progress) => explorationSchedule(progress, HYPERPARAMETERS);
  assert.deepEqual([at(0), at(1)], [1, 0.05]);
  assert.ok(Math.abs(at(0.25) - 0.525) < 1e-12 && Math.abs(at(0.5) - 0.05) < 1e-12);
  assert.equal(explorationSchedule(0, { ...HYPERPARAMETERS, exploration_fraction: 0 }), 0.05);
});

function memory(size, rows, dones = () => 0) {
  const buffer = new ReplayBuffer(size, N_ENVS, new Random(1));
  for (let row = 0; row < rows; row++) {
    const picture = (value) => new Uint8Array(N_ENVS * OBSERVATION).fill(value);
    const actions = new Uint8Array(N_ENVS).fill(row % 3);
    buffer.add(picture(row), picture(row + 1), actions, new Float32Array(N_ENVS).fill(row), new Uint8Array(N_ENVS).fill(dones(row)));
  }
  return buffer;
}

test("la memoria guarda lo último y olvida lo más viejo", () => {
  const batch = memory(5 * N_ENVS, 12).sample(256, 0.9);
  assert.deepEqual([...new Set(batch.rewards)].sort((a, b) => a - b), [7, 8, 9, 10, 11]);
  batch.observations.forEach((pixel, i) => assert.equal(pixel, batch.rewards[Math.floor(i / OBSERVATION)]));
  const smaller = memory(5 * N_ENVS, 12).resized(2 * N_ENVS).sample(256, 0.9);
  assert.deepEqual([...new Set(smaller.rewards)].sort((a, b) => a - b), [10, 11]);
});

test("con n pasos suma recompensas descontadas hasta n, el final del episodio o lo último guardado", () => {
  const batch = memory(50 * N_ENVS, 9, (row) => row === 5).sample(256, 0.5, 3);
  for (let i = 0; i < 256; i++) {
    const row = batch.observations[i * OBSERVATION];
    const rows = [row, row + 1, row + 2].filter((r) => r <= (row <= 5 ? 5 : 8));
    const expected = rows.reduce((sum, r, k) => sum + r * 0.5 ** k, 0);
    assert.ok(Math.abs(batch.rewards[i] - expected) < 1e-5);
    assert.equal(batch.nextObservations[i * OBSERVATION], rows.at(-1) + 1);
    assert.equal(batch.dones[i], rows.at(-1) === 5 ? 1 : 0);
    assert.ok(Math.abs(batch.discounts[i] - 0.5 ** rows.length) < 1e-6);
  }
});

test("la misma semilla da la misma corrida, y otra semilla da otra", () => {
  const run = (seed) => {
    const model = new DQN({ total_timesteps: 800 }, seed);
    while (!model.done) model.learn();
    return model.loss;
  };
  assert.equal(run(1), run(1));
  assert.notEqual(run(1), run(2));
});

test("con los números del capítulo 3 aprende a atrapar al menos 95 de cada 100 pelotas", { timeout: 180_000 }, () => {
  const model = new DQN({}, 0);
  assert.ok(model.evaluate() < 0.6);
  while (!model.done) model.learn();
  assert.ok(model.evaluate() >= 0.95);
});

test("sin memoria aprende mucho menos, como muestra el capítulo 3", { timeout: 180_000 }, () => {
  const model = new DQN({ buffer_size: 16 }, 0);
  while (!model.done) model.learn();
  assert.ok(model.evaluate() < 0.8);
});

// ---- El pasillo y la dirección.

test("en el pasillo el valor nace junto al premio, retrocede casilla por casilla y termina en el exacto", () => {
  const history = walk(3);
  const firstTime = [1, 2, 3, 4, 5].map((cell) => history.findIndex((step) => step.cell === cell && step.after > 0));
  assert.deepEqual([...firstTime].sort((a, b) => b - a), firstTime);
  const Q = tableAt(history, history.length);
  for (let cell = 1; cell <= 5; cell++) {
    assert.ok(Math.abs(Q[cell][1] - 0.9 ** (5 - cell)) < 0.01);
    assert.ok(Math.abs(Q[cell][0] - (cell > 1 ? 0.9 ** (7 - cell) : 0)) < 0.01);
  }
});

test("los ajustes van a la dirección y vuelven de ella, y lo que no vale se dice", () => {
  const settings = { ...HYPERPARAMETERS, gamma: 0.9, buffer_size: 16, double: true };
  const back = fromHash(toHash(settings, 7, 5));
  assert.deepEqual([back.settings, back.seed, back.seeds, back.problems], [settings, 7, 5, []]);
  assert.equal(fromHash("#otra-seccion"), null);
  const wrong = fromHash("#dqn-vivo?gamma=2&batch_size=1.5&nada=1&seed=");
  assert.deepEqual(wrong.settings, { ...HYPERPARAMETERS });
  assert.equal(wrong.problems.length, 4);
  assert.match(wrong.problems[0], /pide gamma = «2» y debe ser un número de 0 a 1/);
});

test("una combinación se nombra por lo que la aparta del capítulo 3", () => {
  assert.equal(describe({ ...HYPERPARAMETERS }), "DQN del capítulo 3");
  assert.equal(describe({ ...HYPERPARAMETERS, buffer_size: 16, gamma: 0.9 }), "sin memoria, γ 0.9");
});
