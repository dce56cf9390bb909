/** DQN, con las piezas y los nombres del capítulo 3, más n pasos y Double DQN. */
import { createGemm } from "../gemm/index.js";
import { CatchEnv, OBSERVATION, PADDLE, SIZE, STEPS, exactValue, observe, stateAt } from "./catch.js";
import { Activations, Gradients, N_PARAMETERS, QNetwork, initialize } from "./network.js";
import { Random } from "./random.js";

/** Los del capítulo 3, con sus nombres. */
export const HYPERPARAMETERS = Object.freeze({
  total_timesteps: 12_000,
  learning_rate: 2e-3,
  buffer_size: 50_000,
  learning_starts: 500,
  batch_size: 64,
  gamma: 0.99,
  target_update_interval: 480,
  exploration_fraction: 0.5,
  exploration_initial_eps: 1,
  exploration_final_eps: 0.05,
  max_grad_norm: 10,
  n_steps: 1,
  double: false,
});

export const N_ENVS = 16; // partidas en paralelo
export const MAX_BATCH = 256;
export const EVALUATE_EVERY = 1_200; // pasos entre dos exámenes
const EXAMS = 200, EXAM_SEED = 10_000;

/** ε según la parte del entrenamiento que ya pasó, de 0 a 1. */
export function explorationSchedule(progress, settings) {
  const { exploration_fraction: fraction, exploration_initial_eps: start, exploration_final_eps: end } = settings;
  const left = fraction > 0 ? 1 - Math.min(progress / fraction, 1) : 0;
  return end + left * (start - end);
}

/** Las últimas `bufferSize` transiciones: un anillo con una fila por paso y una columna por partida. */
export class ReplayBuffer {
  constructor(bufferSize, nEnvs, rng) {
    this.rows = Math.max(1, Math.floor(bufferSize / nEnvs));
    this.nEnvs = nEnvs;
    this.rng = rng;
    this.count = 0;
    const n = this.rows * nEnvs;
    this.observations = new Uint8Array(n * OBSERVATION);
    this.nextObservations = new Uint8Array(n * OBSERVATION);
    this.actions = new Uint8Array(n);
    this.rewards = new Float32Array(n);
    this.dones = new Uint8Array(n);
  }

  /** Guarda una fila: lo que cada partida vio, hizo, recibió y vio después. */
  add(observations, nextObservations, actions, rewards, dones) {
    const start = (this.count % this.rows) * this.nEnvs;
    this.observations.set(observations, start * OBSERVATION);
    this.nextObservations.set(nextObservations, start * OBSERVATION);
    this.actions.set(actions, start);
    this.rewards.set(rewards, start);
    this.dones.set(dones, start);
    this.count++;
  }

  /** Saca un lote al azar. Con `nSteps` > 1 suma las recompensas hasta el final del episodio o de lo guardado. */
  sample(batchSize, gamma, nSteps = 1) {
    const batch = new Batch(batchSize);
    const stored = Math.min(this.count, this.rows);
    const newest = (this.count - 1) % this.rows;
    for (let i = 0; i < batchSize; i++) {
      let row = this.rng.integers(stored);
      const env = this.rng.integers(this.nEnvs);
      let at = row * this.nEnvs + env;
      batch.observations.set(slice(this.observations, at), i * OBSERVATION);
      batch.actions[i] = this.actions[at];
      let discount = 1;
      for (let step = 1; ; step++) {
        batch.rewards[i] += discount * this.rewards[at];
        discount *= gamma;
        if (step === nSteps || this.dones[at] || row === newest) break;
        row = (row + 1) % this.rows;
        at = row * this.nEnvs + env;
      }
      batch.nextObservations.set(slice(this.nextObservations, at), i * OBSERVATION);
      batch.dones[i] = this.dones[at];
      batch.discounts[i] = discount;
    }
    return batch;
  }

  /** Otra memoria, de otro tamaño, con lo más nuevo de esta. */
  resized(bufferSize) {
    const other = new ReplayBuffer(bufferSize, this.nEnvs, this.rng);
    for (let i = Math.max(0, this.count - Math.min(this.rows, other.rows)); i < this.count; i++) {
      const start = (i % this.rows) * this.nEnvs, end = start + this.nEnvs;
      other.add(
        this.observations.subarray(start * OBSERVATION, end * OBSERVATION),
        this.nextObservations.subarray(start * OBSERVATION, end * OBSERVATION),
        this.actions.subarray(start, end), this.rewards.subarray(start, end), this.dones.subarray(start, end),
      );
    }
    return other;
  }
}

const slice = (bytes, i) => bytes.subarray(i * OBSERVATION, (i + 1) * OBSERVATION);

/** Un lote de transiciones; `discounts` es γ elevado a los pasos que cada una abarca. */
export class Batch {
  constructor(size) {
    this.size = size;
    this.observations = new Uint8Array(size * OBSERVATION);
    this.nextObservations = new Uint8Array(size * OBSERVATION);
    this.actions = new Uint8Array(size);
    this.rewards = new Float32Array(size);
    this.dones = new Uint8Array(size);
    this.discounts = new Float32Array(size);
  }
}

/** Adam, como el de PyTorch. */
class Adam {
  constructor() {
    this.mean = new Float32Array(N_PARAMETERS);
    this.square = new Float32Array(N_PARAMETERS);
    this.steps = 0;
  }

  /** Un paso con los gradientes multiplicados por `scale`. */
  step(parameters, gradients, learningRate, scale) {
    const { mean, square } = this;
    this.steps++;
    const rate = learningRate / (1 - 0.9 ** this.steps);
    const correction = 1 / Math.sqrt(1 - 0.999 ** this.steps);
    for (let i = 0; i < N_PARAMETERS; i++) {
      const g = gradients[i] * scale;
      let m = 0.9 * mean[i] + 0.1 * g;
      if (m < 1e-30 && m > -1e-30) m = 0; // los números casi nulos hacen lenta cada cuenta
      const v = 0.999 * square[i] + 0.001 * g * g;
      mean[i] = m;
      square[i] = v;
      parameters[i] -= (rate * m) / (Math.sqrt(v) * correction + 1e-8);
    }
  }
}

/** El agente completo: la red, su copia, la memoria, el optimizador y 16 partidas en paralelo. */
export class DQN {
  /** @param {Partial<typeof HYPERPARAMETERS>} [changes] @param {{wasm?: boolean}} [options] */
  constructor(changes = {}, seed = 0, options = {}) {
    this.settings = { ...HYPERPARAMETERS, ...changes };
    this.math = createGemm({ megabytes: 16, ...options });
    this.activations = new Activations(this.math, MAX_BATCH);
    this.gradients = new Gradients(this.math, MAX_BATCH);
    this.qNet = new QNetwork(this.math);
    initialize(this.qNet.parameters, new Random(seed, 1));
    this.qNetTarget = new QNetwork(this.math);
    this.copyTarget();
    this.optimizer = new Adam();
    this.rng = new Random(seed, 2);
    this.replayBuffer = new ReplayBuffer(this.settings.buffer_size, N_ENVS, this.rng);
    const games = new Random(seed, 3);
    this.envs = Array.from({ length: N_ENVS }, () => new CatchEnv(games));
    this.numTimesteps = 0;
    this.loss = NaN;
  }

  /** Cambia perillas a mitad de camino. */
  change(changes) {
    Object.assign(this.settings, changes);
    const rows = Math.max(1, Math.floor(this.settings.buffer_size / N_ENVS));
    if (rows !== this.replayBuffer.rows) this.replayBuffer = this.replayBuffer.resized(this.settings.buffer_size);
  }

  get done() {
    return this.numTimesteps >= this.settings.total_timesteps;
  }

  get explorationRate() {
    return explorationSchedule(this.numTimesteps / this.settings.total_timesteps, this.settings);
  }

  copyTarget() {
    this.qNetTarget.parameters.set(this.qNet.parameters);
  }

  /** Una vuelta del ciclo: jugar un poco, copiar la red si toca, aprender de un lote. */
  learn() {
    const { settings } = this;
    const before = this.numTimesteps;
    this.collectRollouts();
    const turns = (steps) => Math.floor(steps / settings.target_update_interval);
    if (turns(this.numTimesteps) > turns(before)) this.copyTarget();
    if (this.numTimesteps > settings.learning_starts) {
      this.loss = this.train(this.replayBuffer.sample(settings.batch_size, settings.gamma, settings.n_steps));
    }
  }

  collectRollouts() {
    const observations = joined(this.envs);
    const actions = this.predict(observations, N_ENVS, this.explorationRate);
    const rewards = new Float32Array(N_ENVS), dones = new Uint8Array(N_ENVS);
    this.envs.forEach((env, i) => {
      const { reward, done } = env.step(actions[i]);
      rewards[i] = reward;
      dones[i] = done ? 1 : 0;
      if (done) env.reset();
    });
    this.replayBuffer.add(observations, joined(this.envs), actions, rewards, dones);
    this.numTimesteps += N_ENVS;
  }

  /** Los valores Q de `n` observaciones, en un arreglo que la próxima llamada reescribe. */
  qValues(observations, n = 1, network = this.qNet) {
    return network.forward(observations, n, this.activations);
  }

  /** La acción de mayor valor o, con probabilidad ε, una al azar. */
  predict(observations, n, explorationRate = 0) {
    const actions = argmax(this.qValues(observations, n), n);
    if (explorationRate > 0) {
      for (let i = 0; i < n; i++) if (this.rng.random() < explorationRate) actions[i] = this.rng.integers(3);
    }
    return actions;
  }

  /** r + γ·max Q(s′, ·) con la red objetivo; con Double DQN, la acción la elige la red que aprende. */
  computeTarget(batch) {
    const n = batch.size;
    const chosen = this.settings.double && argmax(this.qValues(batch.nextObservations, n), n);
    const next = this.qValues(batch.nextObservations, n, this.qNetTarget);
    const best = chosen || argmax(next, n);
    return batch.rewards.map((r, i) => r + (1 - batch.dones[i]) * batch.discounts[i] * next[3 * i + best[i]]);
  }

  /** La pérdida de Huber, en promedio; deja su gradiente respecto de la salida en `this.gradients.q`. */
  computeLoss(batch, target) {
    const n = batch.size;
    const q = this.qValues(batch.observations, n);
    const gradient = this.gradients.q.fill(0);
    let loss = 0;
    for (let i = 0; i < n; i++) {
      const at = 3 * i + batch.actions[i];
      const error = q[at] - target[i];
      loss += (Math.abs(error) < 1 ? 0.5 * error * error : Math.abs(error) - 0.5) / n;
      gradient[at] = Math.min(Math.max(error, -1), 1) / n;
    }
    return loss;
  }

  /** Una actualización: objetivo, pérdida, gradiente acortado si pasa de `max_grad_norm`, y un paso de Adam. */
  train(batch) {
    const loss = this.computeLoss(batch, this.computeTarget(batch));
    this.gradients.backward(this.qNet, this.activations, batch.size);
    const gradients = this.gradients.parameters;
    const scale = Math.min(1, this.settings.max_grad_norm / (norm(gradients) + 1e-6));
    this.optimizer.step(this.qNet.parameters, gradients, this.settings.learning_rate, scale);
    return loss;
  }

  /** La fracción de pelotas que atrapa en 200 episodios voraces, siempre con los mismos comienzos. */
  evaluate(seed = EXAM_SEED) {
    const rng = new Random(seed);
    const envs = Array.from({ length: EXAMS }, () => new CatchEnv(rng));
    let hits = 0;
    for (let step = 0; step < STEPS; step++) {
      const actions = this.predict(joined(envs), EXAMS);
      envs.forEach((env, i) => (hits += env.step(actions[i]).reward > 0));
    }
    return hits / EXAMS;
  }

  /** El mejor valor Q con la pelota en cada celda: 9 filas de 10, para una dirección y un lugar de la paleta. */
  valueMap(paddleCol, ballDx) {
    const n = STEPS * SIZE;
    const observations = new Uint8Array(n * OBSERVATION);
    for (let i = 0; i < n; i++) observe(mapState(i, ballDx, paddleCol), observations, i * OBSERVATION);
    const q = this.qValues(observations, n);
    return Float32Array.from({ length: n }, (_, i) => Math.max(q[3 * i], q[3 * i + 1], q[3 * i + 2]));
  }

  /** Qué parte del valor exacto conoce ya cada fila del mapa: 0 nada, 1 todo. Promedia cuatro lugares de la paleta. */
  rowKnowledge() {
    const known = new Float32Array(STEPS);
    const paddles = [0, 2, 5, SIZE - PADDLE];
    paddles.forEach((paddle, turn) => {
      const dx = turn % 2 ? 1 : -1;
      const exact = exactMap(paddle, dx, this.settings.gamma);
      this.valueMap(paddle, dx).forEach((value, i) => {
        const part = Math.min(Math.max(value / exact[i], 0), 1);
        known[Math.floor(i / SIZE)] += part / (SIZE * paddles.length);
      });
    });
    return known;
  }
}

const mapState = (i, ballDx, paddleCol) => stateAt(Math.floor(i / SIZE), i % SIZE, ballDx, paddleCol);

/** Lo que `valueMap` tendría que decir. */
export function exactMap(paddleCol, ballDx, gamma) {
  return Float32Array.from({ length: STEPS * SIZE }, (_, i) => exactValue(mapState(i, ballDx, paddleCol), gamma));
}

function joined(envs) {
  const all = new Uint8Array(envs.length * OBSERVATION);
  envs.forEach((env, i) => all.set(env.observation, i * OBSERVATION));
  return all;
}

function argmax(q, n) {
  const best = new Uint8Array(n);
  for (let i = 0; i < n; i++) {
    const [a, b, c] = [q[3 * i], q[3 * i + 1], q[3 * i + 2]];
    best[i] = b > a ? (c > b ? 2 : 1) : c > a ? 2 : 0;
  }
  return best;
}

function norm(array) {
  let sum = 0;
  for (let i = 0; i < array.length; i++) sum += array[i] * array[i];
  return Math.sqrt(sum);
}
