/**
 * El trabajador: entrena, y mientras tanto muestra lo que la red sabe. Cada mensaje que llega lleva `type`:
 *   train {settings, seed} · change {settings} · pause {on} · slow {on} · watch {paddleCol, ballDx} ·
 *   show {weights, gamma} · still {on} (el juego no se mueve solo) · advance (un paso del juego)
 * y salen ready, progress, exam, rows, map, game, done y failed.
 */
import { CatchEnv, STEPS } from "./catch.js";
import { DQN, EVALUATE_EVERY, N_ENVS } from "./dqn.js";
import { Random } from "./random.js";

const SLICE = 30; // ms de entrenamiento entre dos miradas a los mensajes
const MAP_EVERY = 200, PROGRESS_EVERY = 150, GAME_EVERY = 150, SLOW_TURN = 70; // ms
const ROWS_PER_RUN = 50; // columnas de la figura de las alturas

let model = null;
let training = false;
let paused = false, slow = false, still = false;
let watch = { paddleCol: 3, ballDx: 1 };
let elapsed = 0; // ms de trabajo de esta corrida
let timer = null;
const last = { map: 0, progress: 0, game: 0 };

const handlers = {
  train({ settings, seed }) {
    model = new DQN(settings, seed);
    training = true;
    elapsed = 0;
    game.restart();
    self.postMessage({ type: "ready", backend: model.math.backend });
  },
  change({ settings }) {
    model?.change(settings);
  },
  pause({ on }) {
    paused = on;
  },
  slow({ on }) {
    slow = on;
  },
  watch({ paddleCol, ballDx }) {
    watch = { paddleCol, ballDx };
    if (model) postMap();
  },
  show({ weights, gamma }) {
    model ??= new DQN();
    model.qNet.parameters.set(weights);
    model.settings.gamma = gamma;
    training = false;
    game.restart();
    postMap();
  },
  still({ on }) {
    still = on;
  },
  advance() {
    if (model) game.advance();
  },
};

self.onmessage = ({ data }) => {
  try {
    handlers[data.type](data);
    schedule(0);
  } catch (error) {
    self.postMessage({ type: "failed", message: String(error.message ?? error) });
  }
};

function schedule(delay) {
  clearTimeout(timer);
  if (model && !paused && (training || !still)) timer = setTimeout(turn, delay);
}

function turn() {
  try {
    const start = performance.now();
    if (training) train(start);
    const now = performance.now();
    if (training && now - last.map > MAP_EVERY) postMap();
    if (!still && now - last.game >= GAME_EVERY) {
      last.game = now;
      game.advance();
    }
    schedule(training ? (slow ? SLOW_TURN : 0) : Math.max(0, GAME_EVERY - (now - last.game)));
  } catch (error) {
    self.postMessage({ type: "failed", message: String(error.message ?? error) });
  }
}

function train(start) {
  const total = model.settings.total_timesteps;
  const rowsEvery = Math.max(1, Math.round(total / ROWS_PER_RUN / N_ENVS)) * N_ENVS;
  do {
    const step = model.numTimesteps;
    if (step % EVALUATE_EVERY < N_ENVS) post("exam", { step, caught: model.evaluate() });
    if (step % rowsEvery === 0) post("rows", { step, known: model.rowKnowledge() });
    model.learn();
  } while (!model.done && !slow && performance.now() - start < SLICE);
  const now = performance.now();
  elapsed += now - start;
  if (model.done || now - last.progress > PROGRESS_EVERY) {
    last.progress = now;
    post("progress", { step: model.numTimesteps, epsilon: model.explorationRate, loss: model.loss, elapsed });
  }
  if (!model.done) return;
  training = false;
  post("exam", { step: model.numTimesteps, caught: model.evaluate() });
  post("rows", { step: model.numTimesteps, known: model.rowKnowledge() });
  postMap();
  post("done", { elapsed: elapsed + performance.now() - now, weights: model.qNet.parameters.slice() });
}

const post = (type, fields) => self.postMessage({ type, ...fields });

function postMap() {
  last.map = performance.now();
  post("map", { values: model.valueMap(watch.paddleCol, watch.ballDx), ...watch });
}

/** El juego que se mira: la red que aprende, sin explorar. */
const game = {
  env: new CatchEnv(new Random(Date.now() >>> 0)),
  results: [], // las últimas pelotas: ¿atrapada?
  restart() {
    this.env.reset();
    this.results = [];
    this.over = false;
  },
  advance() {
    const { env } = this;
    if (this.over) {
      env.reset();
      this.over = false;
    } else if (this.action !== undefined && env.ballRow < STEPS) {
      const { reward, done } = env.step(this.action);
      if (done) {
        this.over = true;
        this.results = [...this.results.slice(-19), reward > 0];
      }
    }
    const q = Array.from(model.qValues(env.observation));
    this.action = q.indexOf(Math.max(...q));
    const { ballRow, ballCol, ballDx, paddleCol } = env;
    post("game", {
      state: { ballRow, ballCol, ballDx, paddleCol }, q, action: this.over ? null : this.action,
      results: this.results, over: this.over,
    });
  },
};
